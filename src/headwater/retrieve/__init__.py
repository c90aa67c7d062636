"""From the whole catalogue to a slate of a few hundred."""
