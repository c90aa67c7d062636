"""Recommenders that read what items are made of: words, topics, vectors."""
