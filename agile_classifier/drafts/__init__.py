"""A first config for a file of one's own, guessed from the file."""
