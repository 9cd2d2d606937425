"""Evasion: how texts are written past a classifier, and how that is undone."""
