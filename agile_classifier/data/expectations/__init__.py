"""Expectations: the suite that examples must satisfy, run by Great Expectations, and its page."""
