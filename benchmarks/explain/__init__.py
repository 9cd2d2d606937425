"""Whether leaving words out says the same as gradients do."""
