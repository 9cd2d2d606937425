"""Who is hurt, and who slips through: groups of people and functional tests, on public data."""
