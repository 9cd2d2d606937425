"""How often the promises of three bands hold, on real texts."""
