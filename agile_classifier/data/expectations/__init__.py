"""The expectation suite, run by Great Expectations, and its page."""
