"""Every benchmark, one after the other.

python -m benchmarks
"""

from benchmarks import quality

if __name__ == "__main__":
    raise SystemExit(quality.main([]))
