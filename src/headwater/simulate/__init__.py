"""A platform made up: what can be shown without anybody's data."""
