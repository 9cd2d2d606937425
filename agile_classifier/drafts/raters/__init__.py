"""Raters in the drafts of `agile init`."""
