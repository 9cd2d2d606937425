"""Commands of their own that measure; nothing imports them. `make bench` runs all."""
