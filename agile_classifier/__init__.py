"""The domain: nouns of agile text classification, free of orchestrator and registry."""

import logging

# On a CPU with AVX512-BF16 bitsandbytes 0.50, once imported, complains that it could not fetch a kernel from a hub. None is wanted:
# what is not pinned is not run, and the layers that it is for are kept from it (`agile_classifier/models/base_model.py`).
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
