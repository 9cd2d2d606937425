"""What a registered version holds: its files, its records, the examples that it was made of."""
