"""Costs: device time is each device's, and money is its price; without a price there is none to tell."""

from __future__ import annotations

import pytest

from agile_classifier.training.history import costs_in_words, count_costs


@pytest.mark.parametrize(
    ("n_devices", "price_per_hour", "counted", "told"),
    [
        (1, None, {"n_devices": 1, "device_seconds": 1800.0}, "1,800.0 GPU-seconds (1 × H100)"),
        (1, 0.0, {"n_devices": 1, "device_seconds": 1800.0, "cost": 0.0}, "1,800.0 GPU-seconds (1 × H100), cost 0.0000"),
        (4, 2.5, {"n_devices": 4, "device_seconds": 7200.0, "cost": 5.0}, "7,200.0 GPU-seconds (4 × H100), cost 5.0000"),
    ],
)  # fmt: skip
def test_half_an_hour_is_counted_and_told(
    n_devices: int, price_per_hour: float | None, counted: dict[str, float], told: str
) -> None:
    found = count_costs(seconds=1800, n_devices=n_devices, price_per_hour=price_per_hour)
    assert found == counted
    assert costs_in_words({**found, "device": "cuda", "name": "H100"}) == told
