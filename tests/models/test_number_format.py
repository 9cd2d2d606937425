"""Hardware: the number format is a function of recorded capability."""

from __future__ import annotations

import json

import pytest

from agile_classifier.models.hardware import Hardware, choose_compute_dtype, read_hardware


@pytest.mark.parametrize(
    ("wanted", "fast_bfloat16", "chosen"),
    [
        ("auto", True, "bfloat16"),
        ("auto", False, "float32"),
        ("float32", True, "float32"),
        ("float32", False, "float32"),
        ("bfloat16", True, "bfloat16"),
        ("bfloat16", False, "bfloat16"),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_auto_follows_the_hardware_and_a_named_dtype_stands(
    device: str, wanted: str, fast_bfloat16: bool, chosen: str
) -> None:
    hardware = Hardware(device, "a device", fast_bfloat16, threads=2)
    assert choose_compute_dtype(wanted, hardware=hardware) == chosen


def test_this_machine_can_be_recorded_and_says_the_same_twice() -> None:
    hardware = read_hardware()
    assert hardware == read_hardware()
    assert hardware.device in ("cpu", "cuda")
    assert hardware.name
    assert hardware.threads >= 1
    assert Hardware(**json.loads(json.dumps(hardware.as_dict()))) == hardware
