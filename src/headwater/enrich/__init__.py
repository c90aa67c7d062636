"""What a text says: how hard it is, its tone, who is named in it, and which story it tells."""
