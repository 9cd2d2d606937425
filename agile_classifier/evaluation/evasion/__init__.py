"""Evasion on test: what a classifier finds once texts are written otherwise."""
