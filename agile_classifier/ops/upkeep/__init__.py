"""Backup, restore, prune, doctor."""
