"""The network that is tuned: heads, losses, packed batches, fast LoRA layers."""
