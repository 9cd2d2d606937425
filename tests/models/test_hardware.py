"""Devices: which are taken, which are refused; and two take the optimizer steps of one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from agile_classifier.errors import InputError
from agile_classifier.models.hardware import Devices, choose_among, choose_devices
from agile_classifier.training.fine_tuning import fine_tune
from agile_classifier.training.history import History
from agile_classifier.training.sampling import BatchShares, LengthBucketSampler
from agile_classifier.training.trainer import Hooks
from tests.training.test_fine_tuning import ASKING, SPEC, changed, labelled, tensors

__all__ = ["labelled"]  # a fixture

BOUND = 1e-5
"""Largest difference of an adapter's float32 values, or of a metric, that the order of sums explains; 5e-7 was seen at most."""


@pytest.mark.parametrize(
    ("wanted", "device", "n_gpus", "chosen"),
    [
        (1, "auto", 0, Devices("cpu", 1)),
        (2, "auto", 0, Devices("cpu", 2)),
        ("auto", "auto", 0, Devices("cpu", 1)),
        (1, "auto", 4, Devices("cuda", 1)),
        (4, "gpu", 4, Devices("cuda", 4)),
        ("auto", "gpu", 4, Devices("cuda", 4)),
        ("auto", "auto", 99, Devices("cuda", 16)),
        (2, "cpu", 4, Devices("cpu", 2)),
        ("auto", "cpu", 4, Devices("cpu", 1)),
    ],
)
def test_devices_are_gpus_where_there_are_any_and_no_more_than_a_batch_has_texts(
    wanted: int | str, device: str, n_gpus: int, chosen: Devices
) -> None:
    assert choose_among(wanted, device=device, batch_size=16, n_gpus=n_gpus, n_cores=2) == chosen


@pytest.mark.parametrize(
    ("wanted", "device", "n_gpus", "said"),
    [
        (4, "auto", 1, "fine_tune.devices 4: 1 GPU here"),
        (4, "gpu", 2, "fine_tune.devices 4: 2 GPUs here"),
        (4, "auto", 0, "fine_tune.devices 4: 2 CPU cores here"),
        (4, "cpu", 8, "fine_tune.devices 4: 2 CPU cores here"),
        (1, "gpu", 0, "fine_tune.device gpu: no GPU here"),
        (32, "gpu", 64, "fine_tune.devices 32: fine_tune.batch_size 16 leaves some of them without a text"),
    ],
)
def test_devices_that_are_not_here_are_refused(wanted: int, device: str, n_gpus: int, said: str) -> None:
    with pytest.raises(InputError) as refused:
        choose_among(wanted, device=device, batch_size=16, n_gpus=n_gpus, n_cores=2)
    assert str(refused.value) == said


def test_several_nodes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="WORLD_SIZE 2 in the environment: fine_tune trains on one node"):
        choose_devices(1, device="auto", batch_size=16)


def test_the_shares_of_a_batch_are_the_batch_and_differ_by_one_text_at_most() -> None:
    lengths = torch.arange(1, 32).numpy()
    orders = [LengthBucketSampler(lengths, batch_size=10, seed=0) for _ in range(4)]
    expected = list(orders[3])
    shares = [BatchShares(order, batch_size=5, rank=rank, n=3, filler=31) for rank, order in enumerate(orders[:3])]
    for share in shares:
        assert len(share) == len(list(share)) == 7
    for number, parts in enumerate(zip(*shares, strict=True)):
        batch = expected[number * 5 : number * 5 + 5]
        assert sorted(position for part in parts for position in part if position != 31) == sorted(batch)
        assert {len(part) for part in parts} <= {1, 2}
    assert parts == (expected[30:], [31], [31])  # the last batch has one text


def without_dropout(base: Path, folder: Path) -> Path:
    """A copy of a base model without dropout of its own: its masks would differ from process to process."""
    copy = shutil.copytree(base, folder)
    config = json.loads((copy / "config.json").read_text())
    rates = {name: 0.0 for name in config if "dropout" in name and isinstance(config[name], float)}
    (copy / "config.json").write_text(json.dumps({**config, **rates}))
    return copy


def assert_near(one: Path, other: Path) -> None:
    for checkpoint in ("best", "last"):
        ours, theirs = tensors(one, checkpoint), tensors(other, checkpoint)
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            assert (value - theirs[name]).abs().max() < BOUND, name
    assert len(History.load(one).epochs) == len(History.load(other).epochs) > 0
    for row, theirs_row in zip(History.load(one).epochs, History.load(other).epochs, strict=True):
        assert row == pytest.approx(theirs_row, abs=BOUND)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "loss"),
    [("classification", "label_tokens"), ("label_tokens", "label_tokens"), ("label_tokens", "full_text")],
)
def test_two_devices_take_the_steps_of_one(
    tiny_model: Path, tiny_language_model: Path, labelled: pd.DataFrame, tmp_path: Path, head: str, loss: str
) -> None:
    """Batches of 5 in halves of 3 and 2, two a step, the last one of a single text; 44 texts to validate."""
    base = tiny_language_model if head == "label_tokens" else without_dropout(tiny_model, tmp_path / "steady")
    spec = replace(ASKING if head == "label_tokens" else SPEC, quantization="none", compute_dtype="float32")
    settings = changed(loss=loss, dropout=0, epochs=2, batch_size=5, gradient_accumulation_steps=2)
    heard: dict[int, list[float]] = {1: [], 2: []}
    for n in heard:
        fine_tune(
            {"train": labelled[:76], "validation": labelled[76:]}, spec, settings, base=base,
            checkpoints=tmp_path / f"{n}-checkpoints", output=tmp_path / str(n), devices=Devices("cpu", n),
            hooks=Hooks(lambda row, n=n: heard[n].append(row["epoch"])),
        )  # fmt: skip
    assert_near(tmp_path / "1", tmp_path / "2")
    assert heard == {1: [1, 2], 2: [1, 2]}
    one, two = (History.load(tmp_path / str(n)) for n in heard)
    assert (one.n_steps, two.n_steps) == (16, 16)
    assert (two.n_devices, two.device_seconds) == (2, pytest.approx(2 * two.seconds, abs=0.01))


def test_a_batch_computed_in_several_passes_takes_the_step_of_one_pass(
    tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path
) -> None:
    spec = replace(SPEC, quantization="none", compute_dtype="float32")
    base = without_dropout(tiny_model, tmp_path / "steady")
    for batch_size, n_passes in ((12, 1), (4, 3)):  # of 80 rows, the last step has 8
        settings = changed(
            dropout=0, epochs=2, batch_size=batch_size, gradient_accumulation_steps=n_passes, max_grad_norm=1e6
        )
        fine_tune(
            {"train": labelled[:80], "validation": labelled[80:]}, spec, settings, base=base,
            checkpoints=tmp_path / f"{batch_size}-checkpoints", output=tmp_path / str(batch_size),
        )  # fmt: skip
    assert_near(tmp_path / "12", tmp_path / "4")
