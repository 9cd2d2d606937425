"""Optimisation: how an adapter is optimised, as plain values, and how the same is done in less memory."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Optimisation:
    """How the adapter is optimised; units and meanings stand in `agile_classifier.config.run.FineTuneConfig`."""

    loss: str
    learning_rate: float
    weight_decay: float
    epochs: int
    batch_size: int
    gradient_accumulation_steps: int
    warmup: float
    max_grad_norm: float
    metric: str
    patience: int | None
    min_delta: float
    max_time: float
    seed: int
    balance: str = "none"
    head_start: str = "random"


def halve_micro_batch(optimisation: Optimisation) -> Optimisation:
    """Half the texts in a forward pass, twice the passes in an optimizer step."""
    return replace(
        optimisation,
        batch_size=optimisation.batch_size // 2,
        gradient_accumulation_steps=optimisation.gradient_accumulation_steps * 2,
    )
