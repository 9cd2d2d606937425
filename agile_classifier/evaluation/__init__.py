"""Evaluation: contenders on test rows with intervals, slices, label errors, drift, and their reports."""
