"""Shadow: what live texts say of a candidate, and whether it may stand in a champion's shadow at all."""
