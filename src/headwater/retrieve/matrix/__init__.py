"""Recommenders that read one thing: who chose what."""
