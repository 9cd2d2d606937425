"""What the cells of a study say: statistics, tables, a Markdown page and an HTML page."""
