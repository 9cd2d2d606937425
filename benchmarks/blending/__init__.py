"""What learnt weights could bring an ensemble."""
