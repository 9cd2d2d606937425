"""Answers of several raters: read, folded, weighed against each other, made one score of a text."""
