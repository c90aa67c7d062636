"""Checks for methods and metrics, those of this project and anybody else's: plain functions that assert."""
