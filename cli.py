"""agile: the command line. It parses, loads a config, and calls a pipeline or an operation; no logic of its own."""

from __future__ import annotations
