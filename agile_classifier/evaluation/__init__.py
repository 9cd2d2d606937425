"""How a classifier is judged: contenders on test rows, slices, label errors, drift."""
