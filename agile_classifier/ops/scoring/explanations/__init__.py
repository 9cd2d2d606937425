"""Explanations of a registered version's answers."""
