"""Sections that say where rows are, and how they are read."""
