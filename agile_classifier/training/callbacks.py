"""Callbacks of the Trainer whose state must survive a kill: epoch log, time limit, early stopping.

And a progress bar.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from tqdm import tqdm
from transformers import EarlyStoppingCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

EarlyStop = EarlyStoppingCallback


class TimeLimit(TrainerCallback, ExportableState):
    """Ends training after `limit` seconds, counted over all its tries."""

    def __init__(self, limit: float, elapsed: float = 0.0) -> None:
        self.limit, self.before, self.started = limit, elapsed, time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds trained so far."""
        return self.before + time.monotonic() - self.started

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"args": {"limit": self.limit, "elapsed": self.elapsed}, "attributes": {}}

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock."""
        self.started = time.monotonic()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Stop past the limit, with a last validation and checkpoint; all devices at the same step."""
        if _on_any_device(self.elapsed > self.limit, device=args.device):
            control.should_training_stop = control.should_epoch_stop = True
        return control

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop the clock."""
        self.before = self.elapsed
        self.started = time.monotonic()


class EpochLog(TrainerCallback):
    """Collects one row of metrics an epoch and passes it on."""

    def __init__(self, on_epoch: Callable[[dict[str, float]], None]) -> None:
        self.on_epoch, self.epochs = on_epoch, list[dict[str, float]]()

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Take over what a resumed checkpoint has logged."""
        self.epochs = _rows(state)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """An epoch's training loss and validation metrics are all there when its checkpoint is written."""
        self.epochs = _rows(state)
        self.on_epoch(self.epochs[-1])


class OnCheckpoint(TrainerCallback):
    """Tells that one more checkpoint is complete."""

    def __init__(self, on_checkpoint: Callable[[], None]) -> None:
        self.on_checkpoint = on_checkpoint

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """The Trainer has also removed those that are not needed any more."""
        self.on_checkpoint()


class ProgressBar(TrainerCallback):
    """Steps done, loss and time left, on standard error."""

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Open the bar where a resumed training stands."""
        self.bar = tqdm(
            total=state.max_steps, initial=state.global_step, desc="fine_tune", unit="step", file=sys.stderr,
            mininterval=1 if sys.stderr.isatty() else 20,
        )  # fmt: skip

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Advance."""
        self.bar.update(state.global_step - self.bar.n)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, float], **_: Any
    ) -> None:
        """Show the newest loss and validation metric."""
        shown: dict[str, object] = {
            name: f"{logs[name]:.3f}" for name in ("loss", "eval_loss", "eval_f1", "eval_roc_auc") if name in logs
        }
        self.bar.set_postfix(shown, refresh=False)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Close the bar."""
        self.bar.close()


def _on_any_device(happened: bool, *, device: torch.device) -> bool:
    """Whether it happened to any process of the group: one that stopped alone would leave the others waiting."""
    if not torch.distributed.is_initialized():
        return happened
    flag = torch.tensor(int(happened), device=device)
    torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
    return bool(flag.item())


def _rows(state: TrainerState) -> list[dict[str, float]]:
    """One row per logged step: `epoch`, `step`, `train_loss`, `learning_rate`, `grad_norm`, `validation_…`."""
    rows: dict[int, dict[str, float]] = {}
    names = {"loss": "train_loss", "learning_rate": "learning_rate", "grad_norm": "grad_norm"}
    for entry in state.log_history:
        row = rows.setdefault(entry["step"], {"epoch": entry["epoch"], "step": entry["step"]})
        row |= {names[key]: value for key, value in entry.items() if key in names}
        row |= {
            f"validation_{key.removeprefix('eval_')}": value for key, value in entry.items()
            if key.startswith("eval_")
            and key not in ("eval_runtime", "eval_samples_per_second", "eval_steps_per_second")
        }  # fmt: skip
    return list(rows.values())
