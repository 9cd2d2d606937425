"""The command line `agile`: it parses, loads a config, and calls a pipeline or an operation; no logic of its own."""
