"""Defaults: whether a training with every default set is worth more than a linear probe of its base model."""
