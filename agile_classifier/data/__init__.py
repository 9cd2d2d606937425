"""From a source to labelled parts: reading rows, validating texts, labels, splits, leakage."""
