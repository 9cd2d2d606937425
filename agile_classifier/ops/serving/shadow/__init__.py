"""Shadow: a candidate answers live texts too and is not heard; what it would have changed is compared and stored."""
