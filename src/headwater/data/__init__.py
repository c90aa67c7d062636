"""From any table of events to a `Dataset`, and from a `Dataset` to an honest split."""
