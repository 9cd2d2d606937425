"""Several registered models in one process: which ones, the queue that they share, and how their texts are scored."""
