"""Starts: a tuned classifier whose adapter the training of another goes on from."""
