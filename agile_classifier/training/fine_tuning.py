"""Fine-tuning: LoRA on a frozen, quantized encoder, with transformers' Trainer, on one device or several.

A training that is killed resumes from its last complete checkpoint and ends with the tensors of an unbroken one: the
batch order depends on (seed, epoch) alone and the Trainer restores every random state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load_file
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase, set_seed

from agile_classifier.config.training import LINEAR_POOLINGS, FineTuneConfig
from agile_classifier.data.duplicates.learnt import LearntTexts
from agile_classifier.models.base_model import (
    load_base_model,
    quiet_transformers,
    read_hidden_size,
)
from agile_classifier.models.classical.linear_probe import choose_probed, read_features, start_at_probe
from agile_classifier.models.digests import write_manifest
from agile_classifier.models.encoded import Encoded
from agile_classifier.models.encoding import encode, load_tokenizer
from agile_classifier.models.hardware import Devices, Hardware, choose_compute_dtype, read_hardware
from agile_classifier.models.network.context import require_context
from agile_classifier.models.network.fast_lora import use_fused_lora
from agile_classifier.models.network.network import TextClassifier, build_network, save_network
from agile_classifier.models.prompts.prompts import find_label_tokens
from agile_classifier.models.spec import TAUGHT, TOKENIZER_FOLDER, ClassifierSpec
from agile_classifier.models.starts.tensors import start_at_adapter
from agile_classifier.training.augmentation import augment
from agile_classifier.training.balancing import balance
from agile_classifier.training.callbacks import EpochLog, TimeLimit
from agile_classifier.training.checkpoints import last_complete_checkpoint
from agile_classifier.training.history import History, cost_of
from agile_classifier.training.processes import rank, run_together
from agile_classifier.training.trainer import BucketTrainer, Hooks, Rows, halve_micro_batch, make_trainer


def fine_tune(
    parts: Mapping[str, pd.DataFrame],
    spec: ClassifierSpec,
    settings: FineTuneConfig,
    *,
    base: Path,
    checkpoints: Path,
    output: Path,
    hooks: Hooks = Hooks(),
    devices: Devices | None = None,
    price_per_hour: float | None = None,
    start: Path | None = None,
) -> None:
    """Tune an adapter and write it to `output`: `best/`, `last/`, `tokenizer/`, `classifier.json`, `history.json`.

    Beside them what it has learnt from, as digests and keys, and the list of the files' digests.

    Parameters
    ----------
    parts : mapping of `train` and `validation` to frames
        `text`, `label`, of train perhaps `target`, `weight`. Validation may be empty; then `best` is `last`.
    spec : ClassifierSpec
        `compute_dtype` may be `auto`; what was chosen is written down.
    settings : FineTuneConfig
        The section `fine_tune` of a config, but for where it is trained: that is `devices`.
    checkpoints : Path
        Folder of this very training; a complete checkpoint in it is resumed. It stays, for the caller to remove.
    hooks : Hooks
        Called in this process, however many train.
    devices : Devices, optional
        Without it, one of the best kind that is here. Several take the optimizer steps of one, a process each.
    price_per_hour : float, optional
        Money for one device for an hour.
    start : Path, optional
        Folder of the adapter that training goes on from (`agile_classifier.models.starts.folder.require_fit`).

    Raises
    ------
    InputError
        The base model cannot be tuned so, or the start does not fit.
    """
    require_context(base, spec.max_length)
    hardware = read_hardware(kind=devices.kind if devices else None)
    output.mkdir(parents=True, exist_ok=True)
    training = _Training(
        base=base, spec=_resolved(spec, base, hardware), parts=_prepare(parts, spec, settings), settings=settings,
        checkpoints=checkpoints, output=output, hardware=hardware, devices=devices or Devices(hardware.device),
        price_per_hour=price_per_hour, start=start,
    )  # fmt: skip
    _train_within_memory(training, hooks)
    training.spec.save(output)
    _describe_learnt(parts, start).save(output)
    write_manifest(output, output)


def best_epoch(epochs: Sequence[Mapping[str, float]], *, metric: str | None, step: int | None) -> float:
    """Epoch of the best checkpoint; the last one where nothing was validated."""
    at_step = [row["epoch"] for row in epochs if row["step"] == step]
    return at_step[-1] if metric and at_step else epochs[-1]["epoch"]


def clean_rows(rows: pd.DataFrame, spec: ClassifierSpec) -> pd.DataFrame:
    """Rows with every text normalised, as the classifier reads it."""
    return rows.assign(text=spec.clean(rows["text"]))


def _describe_learnt(parts: Mapping[str, pd.DataFrame], start: Path | None) -> LearntTexts:
    """What is learnt from, and what the start had learnt from before."""
    learnt = LearntTexts.of([text for part in ("train", "validation") for text in parts[part]["text"]])
    return learnt if start is None else learnt.joined(LearntTexts.load(start))


def _resolved(spec: ClassifierSpec, base: Path, hardware: Hardware) -> ClassifierSpec:
    """The spec with what only the base model and the hardware tell."""
    dtype = choose_compute_dtype(spec.compute_dtype, hardware=hardware)
    return replace(spec, compute_dtype=dtype, hidden_size=read_hidden_size(base))


def _prepare(
    parts: Mapping[str, pd.DataFrame], spec: ClassifierSpec, settings: FineTuneConfig
) -> dict[str, pd.DataFrame]:
    """Parts as they are learnt from: train balanced, with its attacked copies; then every text normalised."""
    train = balance(parts["train"], how=settings.balance, seed=settings.seed)
    learnt = {**parts, "train": augment(train, settings.augment, seed=settings.seed)}
    return {part: clean_rows(rows, spec) for part, rows in learnt.items()}


def _train_within_memory(training: _Training, hooks: Hooks) -> None:
    """Train; out of memory, halve the micro-batch and keep the effective batch."""
    while True:
        resumed = replace(training, resumed=last_complete_checkpoint(training.checkpoints))
        try:
            return run_together(resumed, (hooks.on_epoch, hooks.on_checkpoint), devices=training.devices)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if training.settings.batch_size == 1 or not _is_out_of_memory(error):
                raise
        torch.cuda.empty_cache()
        training = replace(training, settings=halve_micro_batch(training.settings))


@dataclass(frozen=True)
class _Training:
    """All that one try needs; each process of several is given a copy of it."""

    base: Path
    spec: ClassifierSpec
    parts: Mapping[str, pd.DataFrame]
    settings: FineTuneConfig
    checkpoints: Path
    output: Path
    hardware: Hardware
    devices: Devices
    price_per_hour: float | None
    start: Path | None = None
    """Folder of the adapter that training goes on from."""
    resumed: str | None = None
    """The checkpoint to go on from."""

    def __call__(self, on_epoch: Callable[[dict[str, float]], None], on_checkpoint: Callable[[], None]) -> None:
        """Train; the first process writes the output."""
        tokenizer = load_tokenizer(self.base)
        train, validation = (
            encode(list(part["text"]), tokenizer=tokenizer, max_length=self.spec.max_length, prompt=self.spec.prompt)
            for part in (self.parts["train"], self.parts["validation"])
        )
        trainer = make_trainer(
            self._build_network(tokenizer, train),
            self.settings,
            checkpoints=self.checkpoints,
            hooks=Hooks(on_epoch, on_checkpoint),
            collator=DataCollatorWithPadding(tokenizer),
            train=_rows(train, self.parts["train"], TAUGHT),
            validation=_rows(validation, self.parts["validation"], TAUGHT[:1]),
            on_cpu=self.devices.kind == "cpu",
        )
        with quiet_transformers():
            trainer.train(resume_from_checkpoint=self.resumed)
        if rank() == 0:
            _save_checkpoints(trainer, self.output)
            tokenizer.save_pretrained(str(self.output / TOKENIZER_FOLDER))
            self._history(trainer, changed=_changed_texts(train, validation)).save(self.output)

    def _build_network(self, tokenizer: PreTrainedTokenizerBase, train: Encoded) -> TextClassifier:
        set_seed(self.settings.seed)
        base_model = load_base_model(
            self.base,
            pooling=self.spec.pooling,
            n_classes=self.spec.n_classes,
            quantization=self.spec.quantization,
            double_quant=self.spec.double_quant,
            compute_dtype=self.spec.compute_dtype,
            device=self.devices.kind,
        )
        base_model.name_or_path = self.spec.base_source  # not this machine's folder, in what PEFT writes
        network = build_network(
            base_model,
            self.spec,
            self.settings,
            base_folder=self.base,
            label_tokens=find_label_tokens(self.spec.prompt, tokenizer=tokenizer) if self.spec.prompt else None,
        )
        if self.start is not None:
            start_at_adapter(network.encoder, self.start)
        if self.devices.kind == "cpu":
            use_fused_lora(network)
        is_linear = self.spec.pooling in LINEAR_POOLINGS
        if is_linear and self.settings.head_start != "random" and self.resumed is None:  # a checkpoint brings its head
            probed = choose_probed(len(train.input_ids), seed=self.settings.seed)
            features = read_features(network, [train.input_ids[row] for row in probed], tokenizer=tokenizer)
            start_at_probe(network.head, features, self.parts["train"].iloc[probed], several=self.spec.several)
        return network

    def _history(self, trainer: BucketTrainer, *, changed: dict[str, int]) -> History:
        log = next(found for found in trainer.callback_handler.callbacks if isinstance(found, EpochLog))
        clock = next(found for found in trainer.callback_handler.callbacks if isinstance(found, TimeLimit))
        trained = [parameter for parameter in trainer.model.parameters() if parameter.requires_grad]
        metric, step = trainer.args.metric_for_best_model, trainer.state.best_global_step
        seconds = clock.elapsed  # it is running: read once, so that the figures agree
        device_seconds = seconds * self.devices.n
        return History(
            epochs=tuple(log.epochs),
            best_epoch=best_epoch(log.epochs, metric=metric, step=step),
            seconds=round(seconds, 3),
            n_devices=self.devices.n,
            device_seconds=round(device_seconds, 3),
            cost=cost_of(device_seconds, price_per_hour=self.price_per_hour),
            n_steps=trainer.state.global_step,
            n_trained_parameters=sum(parameter.numel() for parameter in trained),
            micro_batch_size=trainer.args.per_device_train_batch_size,
            **self.hardware.as_dict(),
            **changed,
        )


def _rows(encoded: Encoded, part: pd.DataFrame, columns: Sequence[str]) -> Rows:
    taught = part[[name for name in columns if name in part]].rename(columns={"label": "labels"})
    rows: list[dict[Any, Any]] = taught.to_dict(orient="records")
    return [{"input_ids": ids, **row} for ids, row in zip(encoded.input_ids, rows, strict=True)]


def _changed_texts(train: Encoded, validation: Encoded) -> dict[str, int]:
    return {
        "n_cut_train": train.n_cut,
        "n_cut_validation": validation.n_cut,
        "n_escaped_train": train.n_escaped,
        "n_escaped_validation": validation.n_escaped,
    }


def _save_checkpoints(trainer: BucketTrainer, output: Path) -> None:
    network = trainer.accelerator.unwrap_model(trainer.model)
    save_network(network, output / "last")
    best = trainer.state.best_model_checkpoint
    if best is not None:
        network.load_state_dict(load_file(f"{best}/model.safetensors"))
    save_network(network, output / "best")


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
