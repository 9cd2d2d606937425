"""What a start that knows the field brings to a few hundred texts."""
