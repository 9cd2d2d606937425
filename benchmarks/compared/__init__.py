"""Comparison of ours with other ways, in one process: contenders timed in turns, recipes as others describe them."""
