"""Bucket trainer: transformers' Trainer with batches of similar length, each split over the devices of a training.

Two devices take the optimizer steps of one: `batch_size` texts are a batch however many devices share it, and each
device's loss, and each pass of an accumulated one, counts by its number of texts, so that shares may be uneven and the
last batch short.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.data_loader import prepare_data_loader
from scipy.special import expit, log_softmax, softmax
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import DataCollatorWithPadding, PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from agile_classifier.config.training import FineTuneConfig
from agile_classifier.label_sets import part_labels
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.models.network.losses import NO_LABEL, count_terms, labels_loss
from agile_classifier.models.network.network import TextClassifier
from agile_classifier.training.callbacks import EarlyStop, EpochLog, OnCheckpoint, ProgressBar, TimeLimit
from agile_classifier.training.sampling import BatchShares, LengthBucketSampler

warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated")  # transformers 5 passes it to torch 2.13

Rows = list[dict[str, Any]]
"""`input_ids` and `labels` of each text."""


@dataclass(frozen=True)
class Hooks:
    """What is told of a training while it goes; nothing, without arguments."""

    on_epoch: Callable[[dict[str, float]], None] = lambda _: None
    """Called with the metrics of each epoch."""
    on_checkpoint: Callable[[], None] = lambda: None
    """Called whenever one more checkpoint is complete, and those before it that nothing needs are removed."""


def make_trainer(
    network: TextClassifier,
    settings: FineTuneConfig,
    *,
    checkpoints: Path,
    hooks: Hooks,
    collator: DataCollatorWithPadding,
    train: Rows,
    validation: Rows,
    on_cpu: bool,
) -> BucketTrainer:
    """A Trainer of this process's share, ready to train."""
    arguments = _arguments(settings, checkpoints, validates=bool(validation), on_cpu=on_cpu)
    measure = _validation_metrics if arguments.world_size == 1 else _validation_metrics_and_loss
    callbacks: list[TrainerCallback] = [
        TimeLimit(settings.max_time),
        EpochLog(hooks.on_epoch),
        OnCheckpoint(hooks.on_checkpoint),
    ]
    if arguments.process_index == 0:
        callbacks.append(ProgressBar())
    stopping = settings.early_stopping
    if stopping.patience is not None and validation:
        callbacks.append(EarlyStop(stopping.patience, stopping.min_delta))
    trainer = BucketTrainer(
        model=network,
        args=arguments,
        train_dataset=train,
        eval_dataset=sorted(validation, key=_length) or None,
        data_collator=collator,
        compute_metrics=partial(measure, several=network.several),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def halve_micro_batch(settings: FineTuneConfig) -> FineTuneConfig:
    """Half the texts in a forward pass, twice the passes in an optimizer step."""
    halved = {
        "batch_size": settings.batch_size // 2,
        "gradient_accumulation_steps": settings.gradient_accumulation_steps * 2,
    }
    return settings.model_copy(update=halved)


class BucketTrainer(Trainer):
    """Batches of similar length, in an order that a resumed training can repeat."""

    loss_is_scaled_for_ga = True

    def get_train_dataloader(self) -> DataLoader[Any]:
        """On several devices, batches of this one's share, none of which is empty."""
        if self.args.world_size == 1:
            return super().get_train_dataloader()  # type: ignore[no-any-return]  # transformers is skipped
        shortest: dict[str, Any] = min(self.train_dataset, key=_length)
        rows: Any = [*self.train_dataset, {**shortest, "labels": NO_LABEL}]
        shares = BatchShares(
            self._get_train_sampler(),
            batch_size=self.args.train_batch_size,
            rank=self.args.process_index,
            n=self.args.world_size,
            filler=len(rows) - 1,
        )
        loader: DataLoader[Any] = DataLoader(
            rows, batch_sampler=shares, collate_fn=self.data_collator, pin_memory=self.args.dataloader_pin_memory
        )
        alone = {"num_processes": 1, "process_index": 0}  # accelerate need not share out what is
        prepared: DataLoader[Any] = prepare_data_loader(loader, device=self.args.device, put_on_device=True, **alone)
        return prepared

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthBucketSampler:
        lengths = np.asarray([_length(row) for row in self.train_dataset])
        effective = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthBucketSampler(lengths, batch_size=effective, seed=self.args.seed)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Tensor]:
        """The passes of one optimizer step, and how many terms their losses have in all, on every device."""
        batches = list(islice(epoch_iterator, num_batches))
        n_terms = sum((self._count_terms(batch) for batch in batches), torch.tensor(0)).to(device)
        return batches, self.accelerator.reduce(n_terms, reduction="sum")

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | None = None
    ) -> Any:
        """Compute, in training, this pass's part of the mean over all terms of the step.

        DDP averages over the devices, hence their number.
        """
        if not model.training:
            outputs = model(**inputs)
            return (outputs["loss"], outputs) if return_outputs else outputs["loss"]
        outputs = model(**{**inputs, "labels": inputs["labels"].clamp(min=0)})  # a filler needs some label
        share = self._count_terms(inputs) * self.args.world_size / num_items_in_batch
        loss = outputs["loss"] * share
        return (loss, outputs) if return_outputs else loss

    def prediction_step(self, *arguments: Any, **named: Any) -> tuple[Any, Any, Any]:
        """Predict; on several devices without the loss: theirs are means of batches that were filled up.

        `_validation_metrics_and_loss` computes it from the logits.
        """
        loss, logits, labels = super().prediction_step(*arguments, **named)
        return loss if self.args.world_size == 1 else None, logits, labels

    def _count_terms(self, batch: Any) -> Tensor:
        return count_terms(self.model.training_loss, batch["attention_mask"], batch["labels"])

    def _save_rng_state(self, output_dir: str) -> None:
        """Every device's, before the state file, which is written next, says that the checkpoint is complete."""
        super()._save_rng_state(output_dir)
        self.accelerator.wait_for_everyone()


def _arguments(settings: FineTuneConfig, checkpoints: Path, *, validates: bool, on_cpu: bool) -> TrainingArguments:
    metric = settings.early_stopping.metric
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=32,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup,
        max_grad_norm=settings.max_grad_norm,
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        eval_strategy="epoch" if validates else "no",
        save_strategy="epoch",
        save_total_limit=1,
        metric_for_best_model=metric if validates else None,
        greater_is_better=metric != "loss",
        logging_strategy="epoch",
        seed=settings.seed,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to="none",
        disable_tqdm=True,
        average_tokens_across_devices=False,  # get_batch_samples does
        ddp_find_unused_parameters=True,  # an adapter may stand in layers that texts do not pass
        ddp_broadcast_buffers=False,  # they are the same everywhere: nothing that is trained writes to one
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # the Trainer would take all, by DataParallel
    return arguments


def _validation_metrics(prediction: Any, *, several: bool) -> dict[str, float]:
    logits = prediction.predictions.astype("float64")  # (n, n_classes)
    if several:
        y_true, cuts = part_labels(prediction.label_ids, logits.shape[1]), (0.5,) * logits.shape[1]
        return evaluate_scores(y_true=y_true, y_score=expit(logits), decision_threshold=cuts)
    y_score = softmax(logits, axis=1)
    threshold = 0.5 if y_score.shape[1] == 2 else None
    return evaluate_scores(y_true=prediction.label_ids, y_score=y_score, decision_threshold=threshold)


def _validation_metrics_and_loss(prediction: Any, *, several: bool) -> dict[str, float]:
    """With the cross-entropy, from the logits of all devices."""
    if several:
        loss = labels_loss(torch.from_numpy(prediction.predictions).double(), torch.from_numpy(prediction.label_ids))
        return {**_validation_metrics(prediction, several=True), "loss": float(loss)}
    log_probability = log_softmax(prediction.predictions.astype("float64"), axis=1)
    loss = -log_probability[np.arange(len(log_probability)), prediction.label_ids].mean()
    return {**_validation_metrics(prediction, several=False), "loss": float(loss)}


def _length(row: dict[str, Any]) -> int:
    return len(row["input_ids"])
