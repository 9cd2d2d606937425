"""Every benchmark, one after the other.

python -m benchmarks
"""

from benchmarks import dropout, lora, quality

if __name__ == "__main__":
    raise SystemExit(max(dropout.main(), lora.main([]), quality.main([])))
