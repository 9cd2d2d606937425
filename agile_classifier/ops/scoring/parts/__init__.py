"""Scoring and monitoring of many files at once: parts of a folder or of a prefix in a store of objects."""
