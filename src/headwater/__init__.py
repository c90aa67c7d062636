"""Headwater: the whole personalization flow."""
