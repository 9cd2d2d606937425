"""Throughput of many files that are scored at the same time."""
