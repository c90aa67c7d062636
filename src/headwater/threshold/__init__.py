"""From how likely each class is to which are said: one rule a file, tuned on data of its own."""
