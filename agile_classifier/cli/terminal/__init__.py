"""The terminal: headings of the help, and questions that a person answers."""
