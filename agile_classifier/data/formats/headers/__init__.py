"""Headers: what the first lines of a table hold beside the names of its columns and its rows, a module a kind."""
