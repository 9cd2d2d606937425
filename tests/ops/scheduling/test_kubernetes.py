"""Schedules on Kubernetes: what `agile schedule` makes of them at a stand-in of a cluster, and what their runs make.

ZenML's server is a real one. A CronJob is fired as its controller would, and the orchestrator's Job that it makes is run with the
command and the variables of its manifest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from agile_classifier.ops.engines.kubernetes import SCHEDULE_RIGHTS
from agile_classifier.ops.project import configs
from tests.toys.fake_kubernetes import FakeCluster, ended, fire, serve
from tests.toys.kubernetes_client import SECRETS, make_cluster, run_client, serve_zenml

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

Object = dict[str, Any]
VERSIONS = ("1.33", "1.37")
NIGHTLY = {
    "name": "nightly", "pipeline": "training", "config": str(configs() / "quickstart.yaml"),
    "cron": "0 3 * * 5-7", "time_zone": "Europe/Paris", "arguments": ["--limit", "400"],
}  # fmt: skip
PAUSED = {**NIGHTLY, "name": "paused", "cron": "*/5 * * * *", "time_zone": "UTC", "enabled": False}
COMMANDS = """
import contextlib, io, json, sys
from agile_classifier.ops.state.home import prepare_state
prepare_state()
from agile_classifier.ops.engines import kubernetes as engine_kubernetes
engine_kubernetes.is_loopback = lambda host: False  # the servers of this test are here
from agile_classifier.errors import InputError
from agile_classifier.cli import app as cli
said = []
for words in {commands!r}:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        try:
            cli.app(words, standalone_mode=False)
        except InputError as error:
            print("refused:", error)
    said.append(output.getvalue().splitlines())
print("said:" + json.dumps(said))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("schedules")


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[FakeCluster]:
    cluster = make_cluster(folder)
    with serve(cluster, folder / "kubeconfig"):
        yield cluster


@pytest.fixture(scope="module")
def agile(folder: Path, cluster: FakeCluster) -> Iterator[Callable[..., list[list[str]]]]:
    """Commands in one process; what each said."""
    with serve_zenml(folder) as server:

        def run(*commands: list[str]) -> list[list[str]]:
            done = run_client(folder, COMMANDS.format(commands=commands), server)
            print(done.stderr, cluster.pod_output, sep="\n")  # what pytest shows of a failure
            assert done.returncode == 0
            return list(json.loads(done.stdout.partition("said:")[2]))

        yield run


def written(folder: Path, name: str, *entries: Object) -> list[str]:
    """The words that apply a file."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"schedules": list(entries)}), encoding="utf-8")
    return ["schedule", "apply", "--file", str(path)]


@pytest.fixture(scope="module")
def applied(folder: Path, cluster: FakeCluster, agile: Callable[..., list[list[str]]]) -> list[list[str]]:
    two = written(folder, "two", NIGHTLY, PAUSED)
    scoring = written(folder, "scoring", {**NIGHTLY, "pipeline": "scoring"})
    return agile(["stack", "kubernetes"], scoring, [*two, "--dry-run"], two, two, ["schedule", "list"])


def cron_jobs(cluster: FakeCluster) -> dict[str, Object]:
    """Name of the schedule → CronJob as the cluster holds it."""
    found = [there for (kind, _), there in cluster.objects.items() if kind == "cronjobs"]
    return {there["metadata"]["labels"]["agile-classifier/schedule"].rpartition("-")[0]: there for there in found}


def test_applying_says_what_it_changes_and_twice_is_once(applied: list[list[str]], cluster: FakeCluster) -> None:
    _, scoring, dry, first, second, listed = applied
    assert scoring[0].startswith("refused: schedule nightly: pipeline scoring reads files of this machine")
    added = ["added     nightly: training, 0 3 * * 5-7 Europe/Paris", "added     paused: training, */5 * * * * UTC"]
    assert dry == first == added
    assert second == ["unchanged nightly", "unchanged paused"]
    assert len(cluster.submitted) == 2
    assert [line.split()[0] for line in listed] == ["name", "nightly", "paused"]
    assert "Europe/Paris  yes      never" in listed[1]
    assert "no       never" in listed[2]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cron_job_is_valid_under_the_strict_schema_and_keeps_what_was_promised(
    applied: list[list[str]], cluster: FakeCluster, version: str
) -> None:
    for submitted in cluster.submitted:
        kubernetes_validate.validate(submitted, version, strict=True)
    nightly, paused = cluster.submitted
    spec = nightly["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("0 3 * * 0,5,6", "Europe/Paris"), "Kubernetes knows no day 7"
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] == 7 * 24 * 3600
    assert not spec["suspend"]
    assert paused["spec"]["suspend"]
    assert paused["spec"]["startingDeadlineSeconds"] == 90 * 5 * 60, "fewer than a hundred missed times"
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "agile-orchestrator"
    said = json.dumps(cluster.submitted)
    assert "SENTINEL" not in said
    assert "eyJ" not in said


@pytest.fixture(scope="module")
def fired(
    applied: list[list[str]], cluster: FakeCluster, agile: Callable[..., list[list[str]]], folder: Path
) -> Object:
    """Two nights, and what could be changed meanwhile."""
    name = cron_jobs(cluster)["nightly"]["metadata"]["name"]
    first = fire(cluster, name, 1)
    meanwhile = fire(cluster, name, 2)
    changed = written(folder, "changed", {**NIGHTLY, "cron": "0 4 * * *"})
    refused = agile(changed, ["schedule", "remove", "nightly"])
    ended(cluster, name)
    outputs = [cluster.pod_output]
    second = fire(cluster, name, 3)
    ended(cluster, name)
    return {"jobs": (first, meanwhile, second), "refused": refused, "outputs": [*outputs, cluster.pod_output]}


def test_each_night_starts_one_run_with_a_token_that_still_holds(fired: Object) -> None:
    first, meanwhile, second = fired["jobs"]
    assert meanwhile is None, "the run before still goes"
    for job, output in zip((first, second), fired["outputs"], strict=True):
        assert job["status"]["conditions"][0]["type"] == "Complete", output
        assert "Node `promote` completed" in output


def test_a_schedule_whose_run_still_goes_is_neither_changed_nor_removed(fired: Object) -> None:
    for said in fired["refused"]:
        assert len(said) == 1
        assert said[0].startswith("refused: schedule nightly: its run still goes on stack kubernetes (job ")


@pytest.fixture(scope="module")
def edited(fired: Object, cluster: FakeCluster, agile: Callable[..., list[list[str]]], folder: Path) -> list[list[str]]:
    """A file that was changed, a CronJob that somebody edited, one that somebody deleted, and removals."""
    by_hand = cron_jobs(cluster)["paused"]
    by_hand["spec"]["suspend"] = False
    later = written(folder, "later", {**NIGHTLY, "cron": "0 4 * * *", "arguments": []}, PAUSED)
    only = written(folder, "only", {**NIGHTLY, "cron": "0 4 * * *", "arguments": []})
    return agile(
        ["schedule", "list"], later, only, ["schedule", "remove", "nightly"], ["schedule", "remove", "nightly"]
    )


def test_edits_and_removals_reach_the_cluster_and_leave_nothing(edited: list[list[str]], cluster: FakeCluster) -> None:
    listed, later, only, removed, again = edited
    assert "initializing" in listed[1], "the last night's run, whose steps no pod runs here"
    assert listed[3] == "schedule paused: its CronJob was edited (enabled yes); agile schedule apply mends it"
    assert later[0].startswith(
        "changed   nightly: arguments: --limit 400 -> ; cron: 0 3 * * 5-7 -> 0 4 * * *; content of"
    )
    assert later[1] == "changed   paused: its CronJob was edited (enabled yes)"
    assert only == ["unchanged nightly", "removed   paused"]
    assert removed == ["removed   nightly"]
    assert again == ["refused: schedule nightly: not applied on stack kubernetes; there are: none; agile schedule apply makes those of a file known"]  # fmt: skip
    assert cron_jobs(cluster) == {}
    assert not [name for kind, name in cluster.objects if kind == "secrets" and name not in SECRETS], "tokens"


def test_the_rights_that_are_asked_for_are_those_that_are_used(edited: list[list[str]], cluster: FakeCluster) -> None:
    used = {(verb, resource) for who, verb, resource in cluster.asked if who == "client"}
    assert used - {("list", "nodes")} == {(verb, resource) for verb, _, resource in SCHEDULE_RIGHTS}


@pytest.fixture(scope="module")
def waited(edited: Object, cluster: FakeCluster, agile: Callable[..., list[list[str]]], folder: Path) -> Object:
    """A night without a label, then labels, and a run by hand."""
    texts = folder / "texts.csv"
    texts.write_text("text,label\na,\nb,\n")
    sections = {
        "data": {"source": str(texts)},
        "labels": {"rule": "given", "columns": ["label"], "names": ["kind", "rude"], "unlabelled": "leave_out"},
        "model": {"source": "owner/name"},
        "registry": {"model_name": "waiting"},
    }
    (folder / "waiting-config.yaml").write_text(yaml.safe_dump({"parameters": sections}))
    entry = {
        **NIGHTLY, "name": "waiting", "config": "waiting-config.yaml", "arguments": [], "when": {"min_new_labels": 5}
    }  # fmt: skip
    ((added,),) = agile(written(folder, "waiting", entry))
    cron_job = cron_jobs(cluster)["waiting"]
    fire(cluster, cron_job["metadata"]["name"], 1)
    ended(cluster, cron_job["metadata"]["name"])
    nothing = cluster.pod_output
    (listed,) = agile(["schedule", "list"])
    texts.write_text("text,label\na,kind\nb,rude\n")
    ((by_hand,),) = agile(["schedule", "run", "waiting", "--now"])
    ended(cluster, cron_job["metadata"]["name"])
    again, unchanged = agile(["schedule", "list"], written(folder, "waiting", entry))
    unknown = agile(["schedule", "run", "other", "--now"])
    return {
        "added": added, "nothing": nothing, "listed": listed, "by_hand": by_hand, "started": cluster.pod_output,
        "again": again, "unchanged": unchanged, "cron_job": cron_job, "unknown": unknown,
    }  # fmt: skip


def test_a_night_without_a_new_label_says_so_and_starts_no_run(waited: Object, cluster: FakeCluster) -> None:
    assert waited["added"].startswith("added     waiting: training")
    assert "nothing new: no run of waiting is known, and the sources hold no label" in waited["nothing"]
    assert "Node" not in waited["nothing"]
    assert "done: nothing new: no run of waiting is known" in waited["listed"][1]
    assert waited["unchanged"] == ["unchanged waiting"]
    for submitted in cluster.submitted:
        if submitted.get("kind") == "CronJob":
            kubernetes_validate.validate(submitted, VERSIONS[0], strict=True)


def test_new_labels_start_the_run_also_by_hand(waited: Object) -> None:
    assert waited["by_hand"].startswith("schedule waiting: job ")
    assert "no run of waiting is known, so 2 labels are new" in waited["started"]
    assert "Node `promote` completed" in waited["started"]
    assert "no run of waiting is known, so 2 labels are new" in waited["again"][1]
    assert waited["unknown"][0][0].startswith(
        "refused: schedule other: not applied on stack kubernetes; there are: waiting"
    )
