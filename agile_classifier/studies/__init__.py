"""Studies: contenders x sizes x splits x seeds, their statistics and pages; the search over recipes."""
