"""Engines: on what the steps of a run are executed, as ZenML stacks read from files."""
