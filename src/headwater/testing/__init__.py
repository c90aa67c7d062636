"""Checks for methods and metrics, ours and anybody's: plain functions that assert."""
