"""Dialects: how a file that nobody has described is read, with a sentence for each choice and what is in doubt."""
