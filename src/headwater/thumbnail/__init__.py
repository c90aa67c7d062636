"""Which picture of each item: for each person the one that shows what they are after."""
