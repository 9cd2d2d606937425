"""`python -m agile_classifier`: the command line `agile`."""

from agile_classifier.cli.app import main

main()
