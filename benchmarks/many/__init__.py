"""Several labels by one network, beside a network for each."""
