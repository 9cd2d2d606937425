"""Metrics with bootstrap intervals, decision thresholds, calibration, paired comparisons."""
