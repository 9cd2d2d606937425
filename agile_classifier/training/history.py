"""Costs: what a training took of its devices, and of money where a device has a price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KINDS = {"cuda": "GPU", "cpu": "CPU"}
"""How torch calls a kind of device, and how a person does."""


def count_costs(*, seconds: float, n_devices: int, price_per_hour: float | None) -> dict[str, float]:
    """`n_devices`, `device_seconds`, and `cost` in the money of the price of one device for an hour, where there is one."""
    device_seconds = seconds * n_devices
    cost = {} if price_per_hour is None else {"cost": round(device_seconds / 3600 * price_per_hour, 4)}
    return {"n_devices": n_devices, "device_seconds": round(device_seconds, 3), **cost}


def costs_in_words(history: Mapping[str, Any]) -> str:
    """One line for a reader, from what `fine_tune` recorded: `1,203.4 GPU-seconds (2 × NVIDIA A100-SXM4-80GB), cost 1.3371`."""
    took = f"{history['device_seconds']:,.1f} {KINDS[history['device']]}-seconds"
    cost = f", cost {history['cost']:,.4f}" if "cost" in history else ""
    return f"{took} ({history['n_devices']} × {history['name']}){cost}"
