"""Classifiers on TF-IDF or frozen embeddings: baselines and what answers beside a network."""
