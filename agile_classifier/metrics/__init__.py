"""Metrics with bootstrap intervals, calibration, paired comparisons."""
