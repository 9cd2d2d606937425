"""Several classifiers in one process: one base model in memory, adapters apart, texts of all in one pass."""
