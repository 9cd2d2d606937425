"""What a model has learnt of Label Studio is what the newest version's run may have read."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from agile_classifier.ops.labelling import learnt
from agile_classifier.ops.registry import versions as registry
from agile_classifier.ops.registry.contents import version_files

BEGAN = datetime(2026, 11, 30, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "until"),
    [
        ({"sources": [{"name": "a", "source": "a.csv"}, {"name": "b", "source": "label-studio://4"}]}, BEGAN),
        ({"source": "a.csv"}, None),
        (None, None),
    ],
)
def test_labels_count_as_learnt_only_where_the_newest_version_has_read_them(
    data: Any, until: datetime | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Client:
        """The registry as MLflow tells of it, its versions as text."""

        def search_model_versions(self, wanted: str) -> list[Any]:
            assert wanted == "name = 'mood'"
            return [SimpleNamespace(version=number, run_id=f"run-{number}") for number in ("10", "9")]

        def get_run(self, run_id: str) -> Any:
            assert run_id == "run-10"
            return SimpleNamespace(info=SimpleNamespace(start_time=BEGAN.timestamp() * 1000))

    monkeypatch.setattr(learnt, "MlflowClient", Client)
    monkeypatch.setattr(registry, "is_known", lambda name: name == "mood")
    monkeypatch.setattr(version_files, "read_config", lambda name, number: {"data": data} if number == "10" else {})
    assert learnt.learnt_until("mood") == until
    assert learnt.learnt_until("other") is None
