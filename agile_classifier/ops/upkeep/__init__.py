"""Upkeep of the state folder: back it up, restore it, remove what old runs left, check what a run would miss."""
