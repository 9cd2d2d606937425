"""Every benchmark, one after the other.

python -m benchmarks
"""

from benchmarks import dropout, quality

if __name__ == "__main__":
    raise SystemExit(max(dropout.main(), quality.main([])))
