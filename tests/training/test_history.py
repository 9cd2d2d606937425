"""History: device time is each device's, money is its price, and without a price there is none to tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from agile_classifier.training.history import History, cost_of

HALF_AN_HOUR = History(
    epochs=({"epoch": 1.0, "step": 10, "train_loss": 0.5},), best_epoch=1.0, seconds=1800.0, n_devices=1, device_seconds=1800.0,
    n_steps=10, n_trained_parameters=99, micro_batch_size=8, device="cuda", name="H100", fast_bfloat16=True, threads=2,
    n_cut_train=1, n_cut_validation=2, n_escaped_train=0, n_escaped_validation=0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("n_devices", "price_per_hour", "cost", "told"),
    [
        (1, None, None, "1,800.0 s on 1 × H100"),
        (1, 0.0, 0.0, "1,800.0 s on 1 × H100, cost 0.0000"),
        (4, 2.5, 5.0, "1,800.0 s on 4 × H100 (7,200.0 GPU-seconds), cost 5.0000"),
    ],
)
def test_half_an_hour_is_counted_and_told(
    n_devices: int, price_per_hour: float | None, cost: float | None, told: str
) -> None:
    taken = 1800.0 * n_devices
    assert cost_of(taken, price_per_hour=price_per_hour) == cost
    history = HALF_AN_HOUR.model_copy(update={"n_devices": n_devices, "device_seconds": taken, "cost": cost})
    assert history.costs == told


@pytest.mark.parametrize("cost", [None, 1.25])
def test_it_survives_its_file_and_states_no_cost_where_there_is_none(tmp_path: Path, cost: float | None) -> None:
    history = HALF_AN_HOUR.model_copy(update={"cost": cost})
    history.save(tmp_path)
    assert History.load(tmp_path) == history
    assert ("cost" in (tmp_path / "history.json").read_text()) == ("cost" in history.facts) == (cost is not None)
    assert "epochs" not in history.facts
    assert History.model_validate(history.facts).costs == history.costs
