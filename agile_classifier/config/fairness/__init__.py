"""Who is hurt and who slips through: which groups a report tells apart, and what a candidate must keep of them."""
