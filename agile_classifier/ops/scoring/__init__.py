"""Files and texts scored by a registered version, the annotation queue, drift of what was scored."""
