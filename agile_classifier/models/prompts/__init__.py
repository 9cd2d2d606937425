"""Prompts of label tokens: how they are built, cut and kept safe from the text."""
