"""Limits that a candidate must keep by itself, each group of them in a file."""
