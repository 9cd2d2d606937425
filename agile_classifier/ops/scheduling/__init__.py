"""Runs by the clock, on this machine or on a cluster."""
