"""The run configuration: every field of a run, with its default and unit; reading, overriding and describing it."""
