"""History: what a training did epoch by epoch, and what it took: time of its devices, and money where they cost any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

HISTORY_FILE = "history.json"
KINDS = {"cuda": "GPU", "cpu": "CPU"}
"""How torch calls a kind of device, and how a person does."""


class MemberCost(BaseModel):
    """What one member of an ensemble took to train."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    seconds: float
    n_trained_parameters: int


class History(BaseModel):
    """What `fine_tune` records, as `history.json` beside the adapter."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    epochs: tuple[dict[str, int | float], ...] = ()
    """One row an epoch: `epoch`, `step`, `train_loss`, `learning_rate`, `grad_norm`, `validation_…`."""
    best_epoch: float
    """Epoch of the best checkpoint."""
    seconds: float
    """How long it took, over all its tries."""
    n_devices: int
    device_seconds: float
    """Seconds times devices."""
    cost: float | None = None
    """In the money of the price of a device for an hour; None without a price."""
    n_steps: int
    """Optimizer steps."""
    n_trained_parameters: int
    micro_batch_size: int
    """Texts in one forward pass, halved as often as memory was short."""
    device: str
    """`cuda` or `cpu`."""
    name: str
    """The device's own name."""
    fast_bfloat16: bool
    """Whether it has instructions for bfloat16 products."""
    threads: int
    """Threads used on a CPU."""
    n_cut_train: int
    """Texts of train longer than the model reads, and cut."""
    n_cut_validation: int
    n_escaped_train: int
    """Texts of train that held what would have altered their prompt, and were changed."""
    n_escaped_validation: int
    members: tuple[MemberCost, ...] | None = None
    """Cost of each member of an ensemble: its part of `seconds` and `n_trained_parameters`, which are of all; what else
    stands here is of the first member. None for a single network."""

    @property
    def facts(self) -> dict[str, Any]:
        """All but the curves and what is not known, by name; of an ensemble `member_1_seconds` and so on."""
        costs = {
            f"member_{number}_{name}": value
            for number, member in enumerate(self.members or (), start=1)
            for name, value in member.model_dump().items()
        }
        return self.model_dump(exclude={"epochs", "members"}, exclude_none=True) | costs

    @property
    def costs(self) -> str:
        """One line for a reader: `601.7 s on 2 × NVIDIA A100-SXM4-80GB (1,203.4 GPU-seconds), cost 1.3371`."""
        together = f" ({self.device_seconds:,.1f} {KINDS[self.device]}-seconds)" if self.n_devices > 1 else ""
        cost = "" if self.cost is None else f", cost {self.cost:,.4f}"
        return f"{self.seconds:,.1f} s on {self.n_devices} × {self.name}{together}{cost}"

    def save(self, adapter: Path) -> None:
        """Write `history.json` into an adapter's folder."""
        (adapter / HISTORY_FILE).write_text(self.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, adapter: Path) -> History:
        """Read `history.json` of an adapter's folder."""
        return cls.model_validate_json((adapter / HISTORY_FILE).read_text(encoding="utf-8"))


def cost_of(device_seconds: float, *, price_per_hour: float | None) -> float | None:
    """Money for so much time of devices, to four places; None without a price."""
    return None if price_per_hour is None else round(device_seconds / 3600 * price_per_hour, 4)
