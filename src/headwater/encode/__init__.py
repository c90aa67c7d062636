"""Texts and images as vectors, by models that have learned before."""
