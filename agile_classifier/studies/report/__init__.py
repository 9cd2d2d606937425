"""Reports of a study's cells: statistics, tables, a Markdown page and an HTML page."""
