"""After a fault at any effect the same command, given again, ends as if nothing had befallen it.

The same metrics, one version of a training, no run that goes on for ever, no stray file, nobody told twice under two
numbers. `make faults` tries every fault at every point; a few are tried with all other tests.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable

import pytest

from tests.faults.points import LEFT_OUT, POINTS, place_of, reason_to_leave_out
from tests.faults.scenes import DISK_FULL, ERROR, KILLED_AFTER, KINDS, SCENES
from tests.faults.sweep import list_places
from tests.faults.workshop import IN_PYTHON, INJECTED, Workshop

SAMPLE = {
    ("register", "ops.registry.versions:create_version create_model_version", KILLED_AFTER),
    ("score", "data.row_parts:RowParts.finish replace", DISK_FULL),
    ("study", "studies.cells:CellStore.add write_whole", ERROR),
}
"""Cases that are tried with all other tests."""
CASES = [(scene, point, kind) for scene, points in POINTS.items() for point in points for kind in KINDS]
LONE = {"mlflow.models.model:Model.log log_model_artifacts"}
"""Points within a library, which the sweep does not see."""


def test_every_effect_is_a_point_or_is_left_out_for_a_reason() -> None:
    points = {place_of(point)[0] for points in POINTS.values() for point in points}
    new = [str(place) for place in list_places() if place not in points and reason_to_leave_out(place) is None]
    assert not new, f"effects without a point in tests/faults/points.py: {new}"


def test_every_point_and_every_reason_stands_for_something() -> None:
    places = set(list_places())
    gone = [point for points in POINTS.values() for point in points if place_of(point)[0] not in places]
    assert set(gone) == LONE
    points = {place_of(point)[0] for points in POINTS.values() for point in points}
    reasons = {reason_to_leave_out(place) for place in places - points}
    assert reasons >= set(LEFT_OUT.values())
    assert POINTS.keys() == SCENES.keys()
    assert len(CASES) >= 60
    assert set(CASES) >= SAMPLE


def test_every_effect_of_a_point_can_be_struck() -> None:
    """A command that does not know an effect would run on undisturbed, and its case fail for another reason."""
    injected = runpy.run_path(str(INJECTED / "sitecustomize.py"))
    effects = {place_of(point)[0].effect for points in POINTS.values() for point in points}
    assert {IN_PYTHON.get(effect, effect) for effect in effects} <= injected["OWNERS"].keys()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scene", "point", "kind"),
    [
        pytest.param(
            *case,
            id=" | ".join(case),
            marks=[pytest.mark.xdist_group(case[0]), *([] if case in SAMPLE else [pytest.mark.faults])],
        )
        for case in CASES
    ],
)
def test_the_same_command_after_a_fault_ends_as_if_nothing_had_befallen_it(
    scene: str, point: str, kind: str, workshop: Workshop, record_property: Callable[[str, object], None]
) -> None:
    record_property("case", f"{scene}: {point} | {kind}")
    undisturbed = workshop.undisturbed(scene)
    workshop.begin(scene)
    struck = workshop.run(SCENES[scene].command, struck=point, by=kind)
    again = workshop.run(SCENES[scene].again or SCENES[scene].command)
    assert again.exit_code == 0, f"{struck.said}\n--- again:\n{again.said}"
    assert workshop.facts() == undisturbed, f"{struck.said}\n--- again:\n{again.said}"
