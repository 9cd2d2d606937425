"""The promotion pipeline, whole: the policy's reasons, a person's yes and no, and commands that move a champion."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agile_classifier.config.evaluation import PromotionConfig
from agile_classifier.config.moderation.shadow import ShadowConfig
from agile_classifier.config.run import RunConfig
from agile_classifier.errors import GateRefused, InputError
from tests.toys.waiting import LONGEST, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

Command = Callable[..., tuple[int, str, str]]
NAME = "promoted"
POLICY = PromotionConfig(min_rows=10)
BY_PERSON = POLICY.model_copy(update={"approval": "person", "wait": 1})


@pytest.fixture(scope="module")
def trained(config_of: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """Version 1 has learnt nothing, and is champion by force; version 2 has learnt, and awaits a person."""
    from agile_classifier.ops.promotion import manual as promoting
    from agile_classifier.ops.promotion.runs import train
    from pipelines.training import training

    file = tmp_path_factory.mktemp("promotion") / "examples.csv"
    untaught = config_of(file, NAME, fine_tune__epochs=1, fine_tune__learning_rate=1e-7, fine_tune__seed=3)
    train(untaught)
    promoting.force(promoting.Wanted(NAME, "1", POLICY), reason="somebody has to be")
    (file.parent / "terms.yaml").write_text("groups: {films: [film], songs: [song]}", encoding="utf-8")
    groups = {"n_resamples": 100, "groups": {"terms": str(file.parent / "terms.yaml")}}
    config = config_of(file, NAME, promotion={"min_rows": 10, "approval": "person", "wait": 1}, evaluation=groups)
    training(**{section: getattr(config, section) for section in RunConfig.model_fields})
    return config


@pytest.fixture
def champion_1(trained: RunConfig) -> Any:
    """Version 1 in service, and nobody asked."""
    from mlflow import MlflowClient

    from agile_classifier.ops.promotion import champions
    from agile_classifier.ops.promotion import manual as promoting

    client = MlflowClient()
    if str(client.get_model_version_by_alias(NAME, "champion").version) != "1":
        promoting.force(promoting.Wanted(NAME, "1", POLICY), reason="")
    for key in (champions.ROLLED_BACK_AT, champions.PROMOTION, champions.REFUSED_BY, champions.REFUSED_FOR):
        if key in client.get_model_version(NAME, "2").tags:
            client.delete_model_version_tag(NAME, "2", key)
    return client


def judge(settings: PromotionConfig = POLICY, **changed: Any) -> Any:
    from agile_classifier.ops.promotion import approval
    from agile_classifier.ops.promotion import compare as promotion

    judged = approval.find_judged(NAME, "2")
    return promotion.judge(
        model_name=NAME, candidate="2", evaluation=judged.evaluation.load(), settings=settings,
        test_scores=changed.get("test_scores", judged.test_scores.load()),
    )  # fmt: skip


def champion(client: Any) -> str:
    return str(client.get_model_version_by_alias(NAME, "champion").version)


def last_event() -> Any:
    from agile_classifier.ops.promotion import champions

    return champions.settle(NAME)[-1]


def run(settings: PromotionConfig) -> Any:
    from agile_classifier.ops.promotion.runs import run_promotion

    return run_promotion(NAME, "2", settings)


def test_a_better_version_is_promoted_with_its_evidence_in_zenml_in_mlflow_and_in_the_history(champion_1: Any) -> None:
    done = run(POLICY)
    decision = done.steps["promote"].outputs["promotion_decision"][0].load()
    assert decision.promote, decision.reason
    evidence = decision.evidence
    assert evidence.differences["champion"].metric == "roc_auc"
    assert set(evidence.metrics) >= {"f1", "brier"}
    assert evidence.mcnemar.only_candidate_right > evidence.mcnemar.only_comparator_right
    assert set(evidence.slices) | set(evidence.slices_too_small) == {
        "length short",
        "length middle",
        "length long",
    }
    version = champion_1.get_model_version(NAME, "2")
    assert sorted(version.aliases) == ["candidate", "champion"]
    assert version.tags["promotion.reason"] == decision.reason
    event = last_event()
    assert (event.kind, event.champion, event.run, event.test_digest) == (
        "promoted",
        "2",
        done.name,
        evidence.test_digest,
    )


def test_whoever_is_told_hears_of_the_question_and_of_the_new_champion(champion_1: Any, receiver: Any) -> None:
    from agile_classifier.ops.promotion import approval

    asked = run(BY_PERSON)
    assert receiver.kinds() == ["promotion.asked"]
    assert f"agile approve {asked.name}" in receiver.notices[0]["text"]
    approval.approve(asked.name)
    assert receiver.kinds() == ["promotion.asked", "champion.changed"]
    assert receiver.notices[1]["data"]["champion"] == "2"


def test_limits_are_measured_and_the_first_that_is_broken_keeps_the_champion(champion_1: Any) -> None:
    strict = {"calibration_limit": 1e-9, "size_limit": 1e-6, "latency_limit": 1e-6}
    for field, limit in strict.items():
        decision = judge(POLICY.model_copy(update={field: limit}))
        assert not decision.promote, field
        assert "allowed is at most" in decision.reason, field
    lax = {
        "calibration_limit": 1.0,
        "parity_limit": 1.0,
        "size_limit": 1e6,
        "latency_limit": 1e6,
        "margin": 1.0,
        "slice_margin": 1.0,
    }
    decision = judge(POLICY.model_copy(update=lax))
    assert decision.promote, decision.reason
    assert len(decision.evidence.limits) >= 8


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Functional tests of praise: one that a version which has learnt passes, and one that asks for the other class."""
    file = tmp_path / "own.yaml"
    file.write_text(
        "name: Own\n"
        "tests:\n"
        "  - {name: praise, texts: [lovely and warm and bright, gentle and fine and lovely], expected: '1', least: 1}\n"
        "  - {name: the reverse, texts: [lovely and warm and bright], expected: 0}\n",
        encoding="utf-8",
    )
    return file


def test_groups_and_functional_tests_are_evidence_beside_the_champion(champion_1: Any, suite: Path) -> None:
    asked = {"bias_limit": 1.0, "bias_min_rows": 1, "checks": (str(suite),)}
    decision = judge(POLICY.model_copy(update=asked))
    assert decision.promote, decision.reason
    assert set(decision.evidence.bias) <= {"films", "songs"}
    assert decision.evidence.bias
    praise, reverse = decision.evidence.checks
    assert (praise.suite, praise.test, praise.passed, reverse.passed) == ("Own", "praise", 2, 0)
    assert praise.against is not None
    decision = judge(POLICY.model_copy(update={"bias_limit": 1.0, "bias_min_rows": 10_000}))
    assert "no group has 10000 positive and 10000 negative rows" in decision.reason


def test_a_functional_test_that_is_failed_stands_in_the_history_by_its_name(champion_1: Any, suite: Path) -> None:
    suite.write_text(
        suite.read_text(encoding="utf-8").replace("expected: 0", "expected: 0, least: 0.5"), encoding="utf-8"
    )
    run(POLICY.model_copy(update={"checks": (str(suite),)}))
    said = "its pass rate in functional test the reverse of Own (0 of 1 texts) is 0, allowed is at least 0.5"
    assert said in last_event().reason
    report = champion_1.get_model_version(NAME, "2").run_id
    import mlflow

    page = mlflow.artifacts.load_text(f"runs:/{report}/report.html")
    assert "functional tests Own" in page
    assert '<h2 id="groups">Who is hurt</h2>' in page


def test_a_suite_that_cannot_be_read_keeps_the_champion(champion_1: Any, suite: Path) -> None:
    suite.write_text(suite.read_text(encoding="utf-8").replace("expected: 0", "expected: calm"), encoding="utf-8")
    decision = judge(POLICY.model_copy(update={"checks": (str(suite),)}))
    assert not decision.promote
    assert "test the reverse: expected class 'calm' is none of the version's: 0, 1" in decision.reason


def test_a_version_is_checked_from_a_terminal(champion_1: Any, agile: Command, suite: Path, tmp_path: Path) -> None:
    output = tmp_path / "answers.csv"
    code, said, _ = agile("check", "2", str(suite), "--model", NAME, "--output", str(output), "--record")
    assert code == 0
    assert said.splitlines()[1].split()[:4] == ["praise", "2", "2", "1.000"]
    assert "promoted version 2: Own: 2 of 3 texts right; 1 of 1 functional tests keep their least rate" in said
    answers = pd.read_csv(output)
    assert list(answers.columns[:5]) == ["test", "text", "expected", "label", "passed"]
    assert list(answers["passed"]) == [False, True, True]
    assert "2/2" in champion_1.get_model_version(NAME, "2").tags["check.Own"]
    code, _, complaint = agile("check", "candidate", str(suite), "--model", NAME, "--class", "1=0")
    assert code == 3
    assert "version 2 fails 1 of 2 functional tests of Own: praise" in complaint
    code, said, _ = agile("check", str(suite), "--model", NAME)
    assert "promoted version 1: Own: " in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "2", "absent.yaml"], "suite of functional tests absent.yaml: no such file: "),
        (["check", "candidate"], "agile check candidate: the suite is missing"),
        (["check", "9", "SUITE"], "no version 9; there are: 1, 2"),
        (["check", "2", "SUITE", "--class", "good"], "--class good: expected WORD=CLASS"),
        (["check", "2", "SUITE", "--class", "1=praise"], "expected class 'praise' ('1' is mapped to it) is none of"),
        (["check", "2", "SUITE", "--output", "/absent/answers.csv"], "there is no folder /absent"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_check_that_cannot_be_made_is_told_in_one_line(
    champion_1: Any, agile: Command, suite: Path, arguments: list[str], said: str
) -> None:
    code, _, complaint = agile(*(str(suite) if word == "SUITE" else word for word in arguments), "--model", NAME)
    assert code == 2
    assert complaint.count("agile: error:") == 1
    assert said in complaint


def test_the_policy_may_ask_for_what_live_texts_say_of_these_very_versions(
    champion_1: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from agile_classifier.ops.feedback.store import open_store
    from agile_classifier.ops.promotion.shadow.same_task import differs
    from agile_classifier.ops.serving.shadow.comparisons import Compared, find_pair, store_compared

    monkeypatch.setenv("AGILE_FEEDBACK_URL", f"sqlite:///{tmp_path / 'feedback.db'}")
    asked = POLICY.model_copy(update={"shadow": ShadowConfig(requests=3, max_flips=0.5)})
    decision = judge(asked)
    assert (decision.promote, "3 are missing (`agile serve --shadow 2`)" in decision.reason) == (False, True)
    answers = [{"label": label, "seconds": 0.1} for label in ("a", "a", "b")]
    compared = [Compared(f"text {number}", True, answers[0], answer) for number, answer in enumerate(answers)]
    store_compared(open_store(), find_pair(NAME, "1", "2"), compared, keeps_texts=False)
    assert judge(asked).promote
    strict = judge(POLICY.model_copy(update={"shadow": ShadowConfig(requests=3, max_flips=0.1)}))
    assert (strict.promote, "(1 of 3 live texts" in strict.reason) == (False, True)
    assert differs(NAME, "1", "2") is None


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"rolled_back": "by ada: false alarms"}, "it was rolled back by ada: false alarms; `agile promote 2 --force`"),
        ({"config": '{"labels": {"rule": "value"}}'}, "labels.rule was value for it, and"),
    ],
    ids=["rolled back", "other labels"],
)
def test_what_makes_the_numbers_say_nothing_keeps_the_champion(
    champion_1: Any, tags: dict[str, str], said: str
) -> None:
    kept = champion_1.get_model_version(NAME, "2").tags
    for key, value in tags.items():
        champion_1.set_model_version_tag(NAME, "2", key, value)
    try:
        decision = judge()
    finally:
        for key in tags:
            champion_1.set_model_version_tag(
                NAME, "2", key, kept[key]
            ) if key in kept else champion_1.delete_model_version_tag(NAME, "2", key)
    assert not decision.promote
    assert said in decision.reason


def test_a_champion_that_cannot_be_read_stays(champion_1: Any, tmp_path: Path) -> None:
    from agile_classifier.ops.registry.contents import version_files

    place = version_files.read_files(NAME, "1").adapter
    hidden = place.rename(tmp_path / "hidden")
    try:
        decision = judge()
    finally:
        hidden.rename(place)
    assert not decision.promote
    assert "champion 1 cannot be read (" in decision.reason


def test_too_few_rows_and_rows_of_one_class_keep_the_champion(champion_1: Any) -> None:
    from agile_classifier.ops.promotion import approval

    rows = approval.find_judged(NAME, "2").test_scores.load()
    assert "needs 1000" in judge(POLICY.model_copy(update={"min_rows": 1000})).reason
    one_class: pd.DataFrame = rows[rows["label"] == 1]
    assert "no finite result" in judge(test_scores=one_class).reason


def test_a_person_is_asked_and_the_pause_survives_until_the_yes(champion_1: Any) -> None:
    from zenml.client import Client

    from agile_classifier.ops.promotion import approval
    from agile_classifier.ops.promotion import manual as promoting

    paused = run(BY_PERSON)
    assert paused.status.value == "paused"
    assert champion(champion_1) == "1"
    card = Client().list_run_wait_conditions(pipeline_run=paused.id, hydrate=True).items[0]
    assert "Shall version 2 of promoted become champion in place of version 1?" in card.question
    assert "roc_auc" in card.run_metadata["difference with champion"]
    assert last_event().kind == "waits for a person"
    done = approval.approve(paused.name)
    assert done.status.value == "completed"
    promoting.require_promoted(done)
    assert champion(champion_1) == "2"
    assert (last_event().kind, last_event().run) == ("promoted", paused.name)
    with pytest.raises(InputError, match="is completed and waits for nobody"):
        approval.approve(paused.name)


def test_a_yes_from_elsewhere_reaches_the_process_that_waits(
    champion_1: Any, agile: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.ops.promotion import approval

    monkeypatch.setattr(approval, "ANSWER_WITHIN", LONGEST)
    with waiting_process() as name:
        code, said, complaint = agile("approve", name)
        assert code == 0, complaint
        assert "becomes champion" in said
    assert champion(champion_1) == "2"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_run_whose_process_was_ended_while_it_waited_goes_on_with_the_yes(
    champion_1: Any, agile: Command, end: signal.Signals
) -> None:
    with waiting_process(end=end) as name:
        pass
    assert last_event().kind == "waits for a person"
    code, _, complaint = agile("approve", name)
    assert code == 0, complaint
    assert champion(champion_1) == "2"


def test_a_no_at_the_terminal_ends_the_run_and_is_not_asked_again(champion_1: Any) -> None:
    from agile_classifier.ops.promotion import approval
    from agile_classifier.ops.promotion import manual as promoting

    paused = run(BY_PERSON)
    ended = approval.reject(paused.name, reason="The labels are doubtful.")
    assert ended.status.value == "stopped"
    with pytest.raises(GateRefused):
        promoting.require_promoted(ended)
    event = last_event()
    assert (event.kind, event.champion, event.reason) == ("rejected", "1", "The labels are doubtful.")
    assert not approval.is_open(NAME, "2")
    with pytest.raises(InputError, match="is stopped and waits for nobody"):
        approval.reject(paused.name, reason="")


def test_a_no_on_the_dashboard_is_found_and_recorded(champion_1: Any) -> None:
    from zenml.client import Client
    from zenml.enums import RunWaitConditionResolution

    paused = run(BY_PERSON)
    card = Client().get_pipeline_run(paused.id).active_wait_condition
    Client().resolve_run_wait_condition(card.id, RunWaitConditionResolution.ABORT)
    assert (last_event().kind, last_event().by) == ("rejected", "somebody on the dashboard")


def test_a_yes_that_was_overtaken_promotes_nothing(champion_1: Any) -> None:
    from agile_classifier.ops.promotion import approval, champions
    from agile_classifier.ops.promotion import manual as promoting

    paused = run(BY_PERSON)
    champion_1.delete_registered_model_alias(NAME, "champion")
    champions.settle(NAME)
    done = approval.approve(paused.name)
    with pytest.raises(GateRefused):
        promoting.require_promoted(done)
    assert "1 was champion when they were compared" in last_event().reason
    champion_1.set_registered_model_alias(NAME, "champion", "1")


def test_a_training_that_is_left_to_a_person_ends_at_the_candidate_and_asks_once(
    trained: RunConfig, champion_1: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from agile_classifier.ops.promotion.runs import train

    train(trained)
    told = capsys.readouterr().out
    assert "Candidate 2 is compared next, by a promotion run, which asks a person" in told
    assert "waits for a person: `agile approve promotion-" in told
    assert champion(champion_1) == "1"
    train(trained)
    assert "waits for a person" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["promote", "9"], "no version 9; there are: 1, 2"),
        (["promote", "nobody"], "no version has the alias 'nobody'"),
        (["promote", "2", "--reason", "why"], "--reason: the policy gives its own"),
        (["approve", "nothing"], "no run 'nothing'; runs that wait for a person:"),
        (["history", "--model", "nobody"], "no registered model 'nobody'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_told_in_one_line(champion_1: Any, agile: Command, arguments: list[str], said: str) -> None:
    model = [] if "--model" in arguments or arguments[0] == "approve" else ["--model", NAME]
    code, _, complaint = agile(*arguments, *model)
    assert code == 2
    assert complaint.count("agile: error:") == 1
    assert said in complaint
    assert "Traceback" not in complaint


def test_a_person_promotes_by_force_and_goes_back_from_a_terminal(champion_1: Any, agile: Command) -> None:
    code, said, _ = agile("promote", "2", "--model", NAME, "--force", "--reason", "a hot fix")
    assert code == 0
    assert "Version 2 becomes champion in place of 1, not compared: a hot fix." in said
    code, _, _ = agile("rollback", "--model", NAME, "--reason", "it was cold")
    assert code == 0
    assert champion(champion_1) == "1"
    code, said, _ = agile("promote", "2", "--model", NAME)
    assert code == 3
    assert "it was rolled back" in said
    told = agile("history", "--model", NAME)[1].splitlines()
    assert "a hot fix" in told[-3]
    assert "rolled back" in told[-2]
    assert "not promoted by the policy" in told[-1]


@pytest.fixture
def agile(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """`agile …` in this process: exit code, standard output, standard error."""
    from agile_classifier.cli.app import main

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["agile", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


class waiting_process:  # noqa: N801  (reads as a verb where it is used)
    """A process that asks about version 2 and waits; gives its run's name, and ends the process by a signal or lets it end."""

    def __init__(self, end: signal.Signals | None = None) -> None:
        self.end = end

    def __enter__(self) -> str:
        from zenml.client import Client

        script = (
            "from agile_classifier.ops.state.home import prepare_state; prepare_state()\n"
            "import agile_classifier.ops.runs.caching\n"
            "from agile_classifier.config.evaluation import PromotionConfig\nfrom agile_classifier.ops.promotion.runs import run_promotion\n"
            f"run_promotion({NAME!r}, '2', PromotionConfig(min_rows=10, approval='person', wait={LONGEST}))"
        )
        self.process = subprocess.Popen([sys.executable, "-c", script], env=os.environ, stdin=subprocess.DEVNULL)

        def find() -> str:
            assert self.process.poll() is None
            newest = Client().list_pipeline_runs(pipeline="promotion", size=1, sort_by="desc:created").items
            is_asked = newest and newest[0].status.value == "running" and newest[0].active_wait_condition
            return str(newest[0].name) if is_asked else ""

        return until(find, "no question was asked")

    def __exit__(self, *_: object) -> None:
        if self.end:
            self.process.send_signal(self.end)
        self.process.wait(LONGEST)
