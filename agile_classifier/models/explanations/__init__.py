"""Explanations: which words of a text carry its answer."""
