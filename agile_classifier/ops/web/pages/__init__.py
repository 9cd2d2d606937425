"""Templates of the launcher's pages, their style and their one script, and what renders them."""
