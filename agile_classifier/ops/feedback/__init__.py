"""Feedback: ids of predictions, the verdicts that people give on them, and what both tell of a version in service."""
