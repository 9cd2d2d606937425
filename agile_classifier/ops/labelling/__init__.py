"""Labelling in Label Studio: texts out to annotators, predictions beside them, and labels that start a training."""
