"""What normalisation and augmentation buy on texts that are written past a classifier."""
