"""Sources of data and models: files, URLs, hub data sets and packages, pinned and cached."""
