"""Every benchmark, one after the other.

python -m benchmarks
"""

from benchmarks import dropout, lora, quality, scoring

if __name__ == "__main__":
    raise SystemExit(max(dropout.main(), lora.main([]), scoring.main([]), quality.main([])))
