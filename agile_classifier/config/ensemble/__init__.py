"""What the config says of an ensemble."""
