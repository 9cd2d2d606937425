"""Snapshots: what a run has read, and how it differs from what another has read."""
