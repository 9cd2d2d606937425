"""Fine-tuning: LoRA on a frozen, quantized encoder, with transformers' Trainer.

A training that is killed resumes from its last complete checkpoint and ends with the tensors of an unbroken one: the
batch order depends on (seed, epoch) alone and the Trainer restores every random state.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from scipy.special import softmax
from transformers import (
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)  # fmt: skip

from classifier.base_model import (
    load_base_model,
    quiet_transformers,
    read_hidden_size,
    require_context,
)  # fmt: skip
from classifier.checkpoints import last_complete_checkpoint
from classifier.encoded import Encoded
from classifier.encoding import encode, load_tokenizer
from classifier.hardware import choose_compute_dtype, read_hardware
from classifier.lora_linear import use_fused_lora
from classifier.metrics import evaluate_scores
from classifier.network import TextClassifier, build_network, save_network
from classifier.optimisation import Optimisation, halve_micro_batch
from classifier.prompts import find_label_tokens
from classifier.sampling import LengthBucketSampler
from classifier.spec import TOKENIZER_FOLDER, ClassifierSpec
from classifier.training_callbacks import EarlyStop, EpochLog, ProgressBar, TimeLimit

HISTORY_FILE = "history.json"
CHECKPOINTS = ("best", "last")


def fine_tune(
    *,
    base: Path,
    spec: ClassifierSpec,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    lora: Mapping[str, Any],
    optimisation: Optimisation,
    checkpoints: Path,
    output: Path,
    on_epoch: Callable[[dict[str, float]], None],
) -> None:
    """Tune an adapter and write it to `output`: `best/`, `last/`, `tokenizer/`, `classifier.json`, `history.json`.

    Parameters
    ----------
    spec : ClassifierSpec
        `compute_dtype` may be `auto`; what was chosen is written down.
    train, validation : DataFrame
        Columns `text` and `label`. Validation may be empty; then `best` is `last`.
    lora : mapping
        `rank`, `alpha`, `dropout`, `target_modules`, `initialization`.
    checkpoints : Path
        Folder of this very training; a complete checkpoint in it is resumed. Removed at the end.
    on_epoch : callable
        Called with the metrics of each epoch.
    """
    require_context(base, spec.max_length)
    hardware = read_hardware()
    spec = replace(
        spec,
        compute_dtype=choose_compute_dtype(spec.compute_dtype, hardware=hardware),
        hidden_size=read_hidden_size(base),
    )
    tokenizer = load_tokenizer(base)
    parts = [
        encode(list(part["text"]), tokenizer=tokenizer, max_length=spec.max_length, prompt=spec.prompt)
        for part in (train, validation)
    ]
    build = _Builder(base, spec, lora, optimisation, tokenizer, hardware.device)
    trainer = _train_within_memory(
        build, optimisation, checkpoints, on_epoch, DataCollatorWithPadding(tokenizer),
        [_dataset(encoded, list(part["label"])) for encoded, part in zip(parts, (train, validation), strict=True)],
    )  # fmt: skip
    output.mkdir(parents=True, exist_ok=True)
    _save_checkpoints(trainer, output)
    tokenizer.save_pretrained(str(output / TOKENIZER_FOLDER))
    spec.save(output)
    _write_history(trainer, output, facts={**hardware.as_dict(), **_changed_texts(*parts)})
    shutil.rmtree(checkpoints)


@dataclass(frozen=True)
class _Builder:
    """Makes the same fresh network again, for a second try with less memory."""

    base: Path
    spec: ClassifierSpec
    lora: Mapping[str, Any]
    optimisation: Optimisation
    tokenizer: PreTrainedTokenizerBase
    device: str

    def __call__(self) -> TextClassifier:
        set_seed(self.optimisation.seed)
        base_model = load_base_model(
            self.base,
            pooling=self.spec.pooling,
            n_classes=self.spec.n_classes,
            quantization=self.spec.quantization,
            double_quant=self.spec.double_quant,
            compute_dtype=self.spec.compute_dtype,
            device=self.device,
        )
        base_model.name_or_path = self.spec.base_source  # not this machine's folder, in what PEFT writes
        network = build_network(
            base_model,
            pooling=self.spec.pooling,
            n_classes=self.spec.n_classes,
            hidden_size=self.spec.hidden_size,
            base_folder=self.base,
            label_tokens=find_label_tokens(self.spec.prompt, tokenizer=self.tokenizer) if self.spec.prompt else None,
            loss=self.optimisation.loss,
            **self.lora,
        )
        if self.device == "cpu":
            use_fused_lora(network)
        return network


class _BucketTrainer(Trainer):
    """transformers' Trainer with batches of similar length, in an order that a resumed training can repeat."""

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthBucketSampler:
        lengths = np.asarray([len(row["input_ids"]) for row in self.train_dataset])
        effective = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthBucketSampler(lengths, batch_size=effective, seed=self.args.seed)


def _train_within_memory(
    build: _Builder,
    optimisation: Optimisation,
    checkpoints: Path,
    on_epoch: Callable[[dict[str, float]], None],
    collator: DataCollatorWithPadding,
    datasets: list[list[dict[str, Any]]],
) -> Trainer:
    """Train; out of memory, halve the micro-batch and keep the effective batch."""
    while True:
        trainer = _trainer(build(), optimisation, checkpoints, on_epoch, collator, datasets)
        try:
            with quiet_transformers():
                trainer.train(resume_from_checkpoint=last_complete_checkpoint(checkpoints))
            return trainer
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if optimisation.batch_size == 1 or not _is_out_of_memory(error):
                raise
        del trainer
        torch.cuda.empty_cache()
        optimisation = halve_micro_batch(optimisation)


def read_history(adapter: Path) -> dict[str, Any]:
    """What `fine_tune` recorded: `epochs`, `best_epoch`, `seconds`, `device`, …"""
    history: dict[str, Any] = json.loads((adapter / HISTORY_FILE).read_text(encoding="utf-8"))
    return history


def _trainer(
    network: TextClassifier,
    optimisation: Optimisation,
    checkpoints: Path,
    on_epoch: Callable[[dict[str, float]], None],
    collator: DataCollatorWithPadding,
    datasets: list[list[dict[str, Any]]],
) -> Trainer:
    train, validation = datasets
    callbacks: list[TrainerCallback] = [TimeLimit(optimisation.max_time), EpochLog(on_epoch), ProgressBar()]
    if optimisation.patience is not None and validation:
        callbacks.append(EarlyStop(optimisation.patience, optimisation.min_delta))
    trainer = _BucketTrainer(
        model=network,
        args=_arguments(optimisation, checkpoints, validates=bool(validation)),
        train_dataset=train,
        eval_dataset=sorted(validation, key=lambda row: len(row["input_ids"])) or None,
        data_collator=collator,
        compute_metrics=_validation_metrics,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _arguments(optimisation: Optimisation, checkpoints: Path, *, validates: bool) -> TrainingArguments:
    on_cuda = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=optimisation.epochs,
        per_device_train_batch_size=optimisation.batch_size,
        per_device_eval_batch_size=32,
        gradient_accumulation_steps=optimisation.gradient_accumulation_steps,
        learning_rate=optimisation.learning_rate,
        weight_decay=optimisation.weight_decay,
        warmup_steps=optimisation.warmup,
        max_grad_norm=optimisation.max_grad_norm,
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        eval_strategy="epoch" if validates else "no",
        save_strategy="epoch",
        save_total_limit=1,
        metric_for_best_model=optimisation.metric if validates else None,
        greater_is_better=optimisation.metric != "loss",
        logging_strategy="epoch",
        seed=optimisation.seed,
        use_cpu=not on_cuda,
        dataloader_pin_memory=on_cuda,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to="none",
        disable_tqdm=True,
    )


def _dataset(encoded: Encoded, labels: Sequence[int]) -> list[dict[str, Any]]:
    return [{"input_ids": ids, "labels": int(label)} for ids, label in zip(encoded.input_ids, labels, strict=True)]


def _changed_texts(train: Encoded, validation: Encoded) -> dict[str, int]:
    return {
        "n_cut_train": train.n_cut,
        "n_cut_validation": validation.n_cut,
        "n_neutralised_train": train.n_neutralised,
        "n_neutralised_validation": validation.n_neutralised,
    }


def _validation_metrics(prediction: Any) -> dict[str, float]:
    y_score = softmax(prediction.predictions.astype("float64"), axis=1)  # (n, n_classes)
    threshold = 0.5 if y_score.shape[1] == 2 else None
    return evaluate_scores(y_true=prediction.label_ids, y_score=y_score, decision_threshold=threshold)


def _save_checkpoints(trainer: Trainer, output: Path) -> None:
    network = trainer.accelerator.unwrap_model(trainer.model)
    save_network(network, output / "last")
    best = trainer.state.best_model_checkpoint
    if best is not None:
        network.load_state_dict(load_file(f"{best}/model.safetensors"))
    save_network(network, output / "best")


def _write_history(trainer: Trainer, output: Path, *, facts: dict[str, Any]) -> None:
    log = next(callback for callback in trainer.callback_handler.callbacks if isinstance(callback, EpochLog))
    clock = next(callback for callback in trainer.callback_handler.callbacks if isinstance(callback, TimeLimit))
    trained = [parameter for parameter in trainer.model.parameters() if parameter.requires_grad]
    history = {
        "epochs": log.epochs,
        "best_epoch": best_epoch(
            log.epochs, metric=trainer.args.metric_for_best_model, step=trainer.state.best_global_step
        ),
        "seconds": round(clock.elapsed, 3),
        "n_steps": trainer.state.global_step,
        "n_trained_parameters": sum(parameter.numel() for parameter in trained),
        "micro_batch_size": trainer.args.per_device_train_batch_size,
        **facts,
    }
    (output / HISTORY_FILE).write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")


def best_epoch(epochs: Sequence[Mapping[str, float]], *, metric: str | None, step: int | None) -> float:
    """Epoch of the best checkpoint; the last one where nothing was validated."""
    at_step = [row["epoch"] for row in epochs if row["step"] == step]
    return at_step[-1] if metric and at_step else epochs[-1]["epoch"]


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
