"""What the benchmarks of a server share: a version to serve, and the clients that ask for it."""
