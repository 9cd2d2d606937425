"""Limits that a candidate must keep beside its gain, each with the evidence for it."""
