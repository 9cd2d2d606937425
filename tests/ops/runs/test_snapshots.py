"""Snapshots: what trainings read while their data grow, each run by ZenML with the real step `ingest`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agile_classifier.config.files import parse_config
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import InputError

FIRST = "id,text,kind\n1,so kind,Praise\n2,too bad,Blame\n3,get lost,Blame\n"
GROWN = "id,text,kind\n1,so kind,Praise\n2,too bad,Praise\n4,well done,Praise\n"


@pytest.fixture(scope="module")
def modules(state_folder: Path) -> SimpleNamespace:
    """What must be imported once the state folder is known."""
    import mlflow
    from zenml.client import Client

    from agile_classifier.ops.runs import outputs, snapshots
    from tests.toys import toy_ingest

    return SimpleNamespace(mlflow=mlflow, client=Client(), outputs=outputs, snapshots=snapshots, toy=toy_ingest)


@pytest.fixture(scope="module")
def grown(modules: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A file that is read, grows, is read by a run that fails, and is read again."""
    from agile_classifier.ops.scheduling.new_labels import count_new_labels

    source = tmp_path_factory.mktemp("grown") / "comments.csv"
    config = config_of(source)
    source.write_text(FIRST)
    is_new = [_has_news(config)]
    first = modules.toy.train(config)
    is_new.append(_has_news(config))
    source.write_text(GROWN)
    is_new.append(_has_news(config))
    n_new = count_new_labels(config).n
    with pytest.raises(RuntimeError, match="failure in step"):
        modules.toy.train(config, fails=True)
    is_new.append(_has_news(config))
    second = modules.toy.train(config)
    head, *rows = GROWN.splitlines()
    source.write_text("\n".join([head, *reversed(rows)]) + "\n")
    is_new.append(_has_news(config))
    return SimpleNamespace(config=config, source=source, first=first, second=second, is_new=is_new, n_new=n_new)


def _has_news(config: RunConfig) -> bool:
    from agile_classifier.ops.scheduling.new_labels import count_new_labels

    found = count_new_labels(config)
    return found.since is None or bool(found.n or found.withdrawn)


def config_of(source: Path, **data: Any) -> RunConfig:
    sections = {
        "data": {"source": str(source), "columns": {"id": "id"}, **data}, "labels": {"rule": "given", "columns": "kind"},
        "model": {"source": "owner/name"}, "registry": {"model_name": "snapshots"},
    }  # fmt: skip
    return parse_config(sections, name="test")


def test_a_night_with_nothing_new_is_told_from_one_with_news(grown: SimpleNamespace) -> None:
    """Nothing was read; nothing new; news; news still, since the run failed; the same rows in another order."""
    assert grown.is_new == [True, False, True, True, False]
    assert grown.n_new == 2, "one came, one has another label"


def test_each_run_leaves_what_it_has_read_and_what_differs(grown: SimpleNamespace, modules: SimpleNamespace) -> None:
    first, second = map(modules.snapshots.read_snapshot_of, (grown.first, grown.second))
    assert first.manifest.previous is None
    assert second.manifest.previous == grown.first.name, "the run that failed counts for nothing"
    (facts,) = second.manifest.sources
    assert (facts.n_rows, facts.n_added, facts.n_changed, facts.n_withdrawn) == (3, 1, 1, 1)
    assert second.examples["id"].tolist() == ["1", "2", "4"]
    assert second.earlier[["id", "source column kind", "run"]].to_numpy().tolist() == [["2", "Blame", grown.first.name]]
    shown = grown.second.steps["ingest"].run_metadata["data"]
    assert shown["sources"][0]["n_withdrawn"] == 1, "ZenML shows it"


def test_a_training_logs_its_data_set_once_and_a_version_names_it(
    grown: SimpleNamespace, modules: SimpleNamespace
) -> None:
    learnt = modules.outputs.output_of(grown.second, "learn", "learnt")
    (logged,) = modules.mlflow.get_run(learnt["mlflow_run"]).inputs.dataset_inputs
    manifest = modules.outputs.read_manifest(grown.second)
    assert (logged.dataset.name, logged.dataset.digest) == ("snapshots", manifest.digest[:36])
    assert '"num_rows": 3' in logged.dataset.profile
    tags = {tag.key: tag.value for tag in logged.tags}
    assert tags["mlflow.data.context"] == "training"
    assert tags["data.snapshot"] == learnt["tags"]["data.snapshot"]
    assert learnt["tags"]["data.digest"] == manifest.digest


def test_the_data_of_an_earlier_run_are_read_again_to_the_byte(
    grown: SimpleNamespace, modules: SimpleNamespace
) -> None:
    examples = modules.outputs.find_output(grown.first, "ingest", "raw_examples")
    again = modules.toy.train(config_of(grown.source, snapshot=str(examples.id)))
    copy = modules.outputs.find_output(again, "ingest", "raw_examples")
    assert copy.id != examples.id
    assert parquet(copy.uri) == parquet(examples.uri)
    assert modules.outputs.read_manifest(again) == modules.outputs.read_manifest(grown.first)
    assert config_of(grown.source, snapshot=str(examples.id)).data.is_pinned


def test_rows_that_are_gone_or_lack_a_column_are_refused(grown: SimpleNamespace, modules: SimpleNamespace) -> None:
    read_again = modules.snapshots.read_again
    nobody = "0" * 8 + "-0000-4000-8000-" + "0" * 12
    with pytest.raises(InputError, match=f"data.snapshot {nobody}: there are no such examples"):
        read_again(nobody, keep=())
    examples = modules.outputs.find_output(grown.first, "ingest", "raw_examples")
    with pytest.raises(InputError, match=f"run {grown.first.name} kept no column 'part'"):
        read_again(str(examples.id), keep=("kind", "part"))


def test_the_command_line_tells_two_runs_apart(
    grown: SimpleNamespace, modules: SimpleNamespace, tmp_path: Path, run_command: Callable[..., tuple[int, str, str]]
) -> None:
    code, said, _ = run_command(
        "data", "diff", grown.first.name, grown.second.name, "--output", str(tmp_path / "d.csv")
    )
    assert code == 0
    assert said.splitlines() == [
        "data: 3 rows, then 3; 1 added, 1 changed, 1 withdrawn",
        "added 4: well done",
        "changed 2: kind Blame → Praise",
        "withdrawn 3: get lost",
    ]
    assert (tmp_path / "d.csv").read_text().splitlines()[1:] == [
        "added,data,4,text,,well done", "changed,data,2,kind,Blame,Praise", "withdrawn,data,3,text,get lost,",
    ]  # fmt: skip
    code, said, _ = run_command("data", "diff", grown.first.name, grown.first.name)
    assert said.splitlines() == ["data: 3 rows, then 3; 0 added, 0 changed, 0 withdrawn", "the same examples"]
    code, _, said = run_command("data", "diff", "nobody", grown.first.name)
    assert (code, said) == (2, "agile: error: run nobody: no such run; `agile ui` lists them\n")


@pytest.fixture
def run_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state_folder: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process; returns exit code, standard output, standard error."""
    import sys

    from agile_classifier.cli import app

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["agile", *arguments])
        with pytest.raises(SystemExit) as ended:
            app.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def parquet(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}
