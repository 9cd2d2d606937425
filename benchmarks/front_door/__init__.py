"""The front door: files as people bring them, and what the pipeline must make of each.

    python -m benchmarks.front_door [--guesses-only]
    python -m benchmarks.front_door.public [--train]
    python -m benchmarks.front_door.fuzz [--n 10000]
    python -m benchmarks.front_door.duplicates

`files/` holds made-up texts in files of the kinds that public bug reports tell of, a folder a kind.
"""
