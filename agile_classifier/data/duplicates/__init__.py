"""Duplicates: texts that say the same, letter by letter or nearly: how they are found, and what is done with them."""
