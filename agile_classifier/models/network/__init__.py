"""The network that is tuned: heads, losses, packed batches, fast LoRA layers."""

from agile_classifier.models import quantized as quantized  # before PEFT, which imports bitsandbytes
