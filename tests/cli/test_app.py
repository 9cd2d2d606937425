"""The command line: what it lists, what it refuses, and with which exit code. Real commands, no run is started."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from agile_classifier.cli import app as cli
from agile_classifier.cli.terminal.headings import HEADINGS, first_sentence
from agile_classifier.config.files import load_config
from agile_classifier.errors import GateRefused, InputError
from agile_classifier.ops.project import PACKAGE, configs, root

COMMANDS = sorted(get_command(cli.app).commands)  # type: ignore[attr-defined]
QUICKSTART = str(configs() / "quickstart.yaml")
HEAVY = {
    "datasets",
    "great_expectations",
    "matplotlib",
    "mlflow",
    "pandas",
    "peft",
    "sklearn",
    "torch",
    "transformers",
    "zenml",
}
Agile = Callable[..., tuple[int, str, str]]


@pytest.fixture
def agile(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Agile:
    """Run a command in this process and an empty folder; returns exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["agile", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def comments(tmp_path: Path) -> Path:
    path = tmp_path / "comments.csv"
    rows = [f"the comment of number {row};{row % 9 / 2}" for row in range(60)]
    path.write_text("\n".join(["comment;rating", *rows]) + "\n", encoding="utf-8")
    return path


def is_one_line(complaint: str) -> bool:
    return complaint.startswith("agile: error: ") and complaint.count("\n") == 1 and "Traceback" not in complaint


@pytest.mark.parametrize(
    "command", [*COMMANDS, *(f"schedule {name}" for name in ("apply", "list", "remove", "run", "run-forever", "tick"))]
)
def test_the_help_of_every_command_ends_with_an_example_of_it(command: str) -> None:
    result = CliRunner().invoke(cli.app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert f"Example: agile {command}" in " ".join(result.output.split())


def test_help_is_quick_and_loads_no_library() -> None:
    loaded = "from agile_classifier.cli import app as cli; import sys, typer; typer.main.get_command(cli.app); print(*{name.partition('.')[0] for name in sys.modules})"
    names = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True, cwd=root()
    ).stdout
    assert HEAVY & set(names.split()) == set()
    before = os.times().children_user
    done = subprocess.run(
        [sys.executable, "-m", "agile_classifier", "--help"], capture_output=True, text=True, check=True, cwd=root()
    )
    assert os.times().children_user - before < 1
    assert all(command in done.stdout for command in COMMANDS)


@pytest.mark.parametrize(
    ("module", "left_out"),
    [
        ("ops.promotion.settled", HEAVY - {"mlflow", "pandas"}),  # pandas comes with mlflow
        ("models.predictor", {"pandas", "mlflow", "zenml", "datasets", "sklearn", "torch._inductor.compile_fx"}),
    ],
    ids=["history", "score"],
)
def test_what_answers_at_a_terminal_imports_only_what_it_uses(module: str, left_out: set[str]) -> None:
    code = f"import sys, agile_classifier.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert left_out & set(done.stdout.split()) == set()


def test_no_command_shows_the_help(agile: Agile) -> None:
    assert "\nUpkeep:\n" in "".join(agile()[1:])


def test_the_help_lists_every_command_once_under_a_heading_in_one_whole_line() -> None:
    placed = [name for names in HEADINGS.values() for name in names]
    assert sorted(placed) == COMMANDS
    shown = CliRunner().invoke(cli.app, ["--help"], env={"COLUMNS": "80"}).output
    commands = get_command(cli.app).commands  # type: ignore[attr-defined]
    for name in placed:
        sentence = first_sentence(commands[name].help)
        assert sentence.endswith(".")
        assert re.search(rf"^  {name} +{re.escape(sentence)}$", shown, re.MULTILINE), sentence
    assert [line.rstrip(":") for line in shown.splitlines() if line.rstrip(":") in HEADINGS] == list(HEADINGS)


def test_the_help_of_a_group_lists_its_commands_in_whole_lines() -> None:
    shown = CliRunner().invoke(cli.app, ["schedule", "--help"], env={"COLUMNS": "80"}).output
    inner = get_command(cli.app).commands["schedule"].commands  # type: ignore[attr-defined]
    assert all(
        re.search(rf"^  {name} +{re.escape(first_sentence(found.help))}$", shown, re.MULTILINE)
        for name, found in inner.items()
    )


def test_every_argument_and_option_is_explained_by_a_sentence() -> None:
    commands = dict(get_command(cli.app).commands)  # type: ignore[attr-defined]
    commands |= commands["schedule"].commands
    for name, command in commands.items():
        for parameter in command.params:
            text = getattr(parameter, "help", None) or ""
            assert re.fullmatch(r"[A-Z].*[.]", text), f"agile {name}: {parameter.name}: {text!r}"


def test_every_number_of_the_command_line_lies_between_two_bounds_and_is_none_that_is_no_number() -> None:
    commands = dict(get_command(cli.app).commands)  # type: ignore[attr-defined]
    commands |= commands["schedule"].commands
    n_numbers = 0
    for name, command in commands.items():
        for parameter in command.params:
            kind = parameter.type_descriptor.annotation
            if kind in (int, float):
                assert None not in (parameter.min, parameter.max), f"agile {name}: {parameter.name}"
                n_numbers += 1
            if kind is float:
                done = CliRunner().invoke(cli.app, [name, parameter.opts[0], "nan", *["a"] * len(command.params)])
                assert (done.exit_code, f"Invalid value for '{parameter.opts[0]}'" in done.output) == (2, True), name
    assert n_numbers > 15


def test_the_version_is_that_of_the_installed_package(agile: Agile) -> None:
    assert agile("--version") == (0, f"agile {version('agile-classifier')}\n", "")


def test_a_shell_can_be_taught_to_complete_the_commands() -> None:
    asked = {"_AGILE_COMPLETE": "complete_bash", "COMP_WORDS": "agile sch", "COMP_CWORD": "1"}
    command = [sys.executable, "-m", "agile_classifier"]
    done = subprocess.run(command, env={**os.environ, **asked}, capture_output=True, text=True, check=False, cwd=root())
    assert done.stdout.split() == ["schedule"]


MISSPELT = [
    ("a command", ["trian"], "Did you mean 'train'?"),
    ("a command of a group", ["schedule", "lst"], "Did you mean 'list'?"),
    ("an option", ["train", QUICKSTART, "--sett", "a.b=1"], "--set"),
    ("a stack", ["stack", "kubernets"], "; did you mean kubernetes?"),
    ("a schedule", ["schedule", "apply", "--file", "odd.yaml"], "; did you mean time_zone?"),
    ("a study", ["study", "etos.yaml"], f"did you mean {configs() / 'studies' / 'ethos.yaml'}?"),
    (
        "a contender",
        ["study", str(configs() / "studies" / "ethos.yaml"), "--only", "majorty"],
        "; did you mean majority?",
    ),
    ("a benchmark", ["bench", "scorng"], "; did you mean scoring?"),
]


@pytest.mark.parametrize(("arguments", "said"), [case[1:] for case in MISSPELT], ids=[case[0] for case in MISSPELT])
@pytest.mark.usefixtures("state_folder")
def test_a_misspelt_word_is_answered_with_the_nearest(
    agile: Agile, tmp_path: Path, arguments: list[str], said: str
) -> None:
    entry = "{name: a, pipeline: training, config: a.yaml, cron: 1 1 * * *, time_zon: UTC}"
    (tmp_path / "odd.yaml").write_text(f"schedules: [{entry}]", encoding="utf-8")
    code, _, complaint = agile(*arguments)
    assert code == 2
    assert said in complaint


USAGE = [
    ("an unknown command", ["trian"]),
    ("an unknown option", ["train", QUICKSTART, "--fast"]),
    ("no config", ["train"]),
    ("no rows", ["train", QUICKSTART, "--limit", "0"]),
    ("a number that is none", ["prune", "--days", "many"]),
    ("days before today", ["prune", "--days", "-1"]),
    ("neither texts nor a file", ["score"]),
    ("texts and a file", ["score", "a text", "--input", "a.csv", "--output", "b.csv"]),
    ("a file without a place for its scores", ["score", "--input", "a.csv"]),
    ("a version for texts", ["score", "a text", "--version", "1"]),
    ("metrics for texts", ["score", "a text", "--evaluate"]),
    ("a place for scores without a file", ["score", "a text", "--output", "b.csv"]),
    ("no text to explain", ["explain"]),
    ("no word of a text to leave out", ["explain", "a text", "--words", "0"]),
]


@pytest.mark.parametrize("arguments", [case[1] for case in USAGE], ids=[case[0] for case in USAGE])
def test_a_misused_command_exits_2_with_its_usage(agile: Agile, arguments: list[str]) -> None:
    code, _, complaint = agile(*arguments)
    assert code == 2
    assert complaint.startswith("Usage: agile")
    assert "Traceback" not in complaint


BAD_CONFIGS = [
    ("a config that is not there", ["gone.yaml"], "gone.yaml: no such config file"),
    ("a misspelt config of the project", ["quikstart.yaml"], f"did you mean {QUICKSTART}?"),
    ("a misspelt config of one's own", ["brken.yaml"], "did you mean broken.yaml?"),
    ("a folder", ["."], "cannot be read"),
    ("no YAML", ["broken.yaml"], "not a YAML file"),
    ("no sections", ["empty.yaml"], "must stand under a top-level `parameters:`"),
    ("an unknown field", ["typo.yaml"], "data.sourc: unknown field; allowed here:"),
    ("an override that is none", [QUICKSTART, "--set", "epochs"], "expected section.field=value"),
    ("an override of an unknown field", [QUICKSTART, "--set", "fine_tune.epoch=3"], "fine_tune.epoch: unknown field"),
    ("an override of a misspelt field", [QUICKSTART, "--set", "fine_tune.epoch=3"], "; did you mean epochs?"),
    ("an override of a misspelt section", [QUICKSTART, "--set", "fine_tun.epochs=3"], "; did you mean fine_tune?"),
    (
        "an override without its section, which several have",
        [QUICKSTART, "--set", "seeds=3"],
        "did you mean split.seed or fine_tune.seed",
    ),
    ("an override without its section", [QUICKSTART, "--set", "epochs=3"], "; did you mean fine_tune.epochs?"),
    (
        "names that are booleans",
        [QUICKSTART, "--set", "labels.names=[no, yes]"],
        "YAML reads this as the boolean False",
    ),
    ("an override out of range", [QUICKSTART, "--set", "fine_tune.epochs=0"], "found 0"),
]


@pytest.mark.parametrize(
    ("arguments", "said"), [case[1:] for case in BAD_CONFIGS], ids=[case[0] for case in BAD_CONFIGS]
)
def test_a_bad_config_is_one_line_and_exits_2(agile: Agile, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "broken.yaml").write_text("a: [b\n")
    (tmp_path / "empty.yaml").write_text("data: {}\n")
    (tmp_path / "typo.yaml").write_text("parameters: {data: {source: a.csv, sourc: b.csv}}\n")
    code, _, complaint = agile("train", *arguments)
    assert (code, is_one_line(complaint)) == (2, True), complaint
    assert said in complaint


@pytest.mark.parametrize(
    "arguments", [["train", QUICKSTART], ["score", "a text"], ["prune"]], ids=lambda words: words[0]
)
def test_a_state_folder_that_cannot_be_written_is_named_and_exits_2(
    agile: Agile, comments: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("AGILE_HOME", str(comments / "home"))
    code, _, complaint = agile(*arguments)
    assert (code, is_one_line(complaint)) == (2, True), complaint
    assert f"AGILE_HOME {comments}" in complaint


ENDS = [
    ("bad input", InputError("row 3: no text"), 2, "agile: error: row 3: no text\n"),
    ("a gate that refused", GateRefused("80 ms, 50 ms are allowed"), 3, "agile: error: 80 ms, 50 ms are allowed\n"),
    ("a full disk", OSError(errno.ENOSPC, "No space left on device"), 2, "agile: error: AGILE_HOME "),
    (
        "a file that is gone",
        FileNotFoundError(errno.ENOENT, "No such file", "a"),
        1,
        "agile: error: FileNotFoundError: ",
    ),
    ("ctrl-C", KeyboardInterrupt(), 130, ""),
]


@pytest.mark.parametrize(("error", "exit_code", "said"), [case[1:] for case in ENDS], ids=[case[0] for case in ENDS])
def test_every_end_of_a_command_has_its_exit_code_and_at_most_one_line(
    agile: Agile, monkeypatch: pytest.MonkeyPatch, error: BaseException, exit_code: int, said: str
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("agile_classifier.ops.project.list_configs", fail)
    code, _, complaint = agile("configs")
    assert code == exit_code
    assert complaint.startswith(said)
    assert complaint.count("\n") <= 1


def test_an_error_of_our_own_making_exits_1_with_its_traceback(agile: Agile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agile_classifier.ops.project.configs", lambda: None)
    code, _, complaint = agile("configs")
    assert code == 1
    assert "Traceback" in complaint
    assert complaint.splitlines()[-1].startswith("agile: error: AttributeError: ")


def test_configs_lists_every_yaml_directly_under_configs_with_its_purpose(agile: Agile) -> None:
    code, listed, _ = agile("configs")
    lines = listed.splitlines()
    files = sorted(configs().glob("*.yaml"))
    assert code == 0
    assert len(files) > 1
    assert [line.split("  ")[0] for line in lines] == [str(path) for path in files]
    assert all(line.split("  ")[1] for line in lines)
    assert f"{QUICKSTART}  Quickstart: the mood of tweets." in lines


def test_configs_are_named_as_they_can_be_typed_in_the_project(agile: Agile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root())
    assert "configs/quickstart.yaml  Quickstart" in agile("configs")[1]


def test_init_writes_a_config_that_loads_with_the_default_model(agile: Agile, comments: Path, tmp_path: Path) -> None:
    code, shown, _ = agile("init", "comments.csv")
    assert code == 0
    written = tmp_path / "comments.yaml"
    assert shown == written.read_text(encoding="utf-8")
    assert "agile train comments.yaml" in shown
    config = load_config(written)
    assert (config.data.source, config.data.delimiter) == (str(comments), ";")
    assert (
        yaml.safe_load(shown)["parameters"]["model"]
        == yaml.safe_load(Path(QUICKSTART).read_text())["parameters"]["model"]
    )


def test_init_and_new_leave_nothing_where_they_are_stopped(
    agile: Agile, comments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("agile_classifier.files.os.fsync", stop)
    assert agile("init", "comments.csv")[0] == 130
    monkeypatch.setattr("agile_classifier.ops.project.shutil.copyfile", stop)
    (tmp_path / "empty").mkdir()
    assert agile("new", "demo")[0] == agile("new", "empty")[0] == 130
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["comments.csv", "demo", "empty"]


def test_init_overwrites_only_by_force(agile: Agile, comments: Path, tmp_path: Path) -> None:
    mine = tmp_path / "comments.yaml"
    mine.write_text("mine\n")
    code, _, complaint = agile("init", "comments.csv")
    assert (code, is_one_line(complaint), mine.read_text()) == (2, True, "mine\n")
    assert agile("init", "comments.csv", "--force")[0] == 0
    assert load_config(mine).registry.model_name == "comments"


NOTHING_TO_GUESS = [
    ("no file", "gone.csv", "", "no such file"),
    ("an unknown format", "a.docx", "x", "found suffix '.docx'"),
    ("an empty file", "a.csv", "", "the file is empty"),
    ("no text", "a.csv", "a,b\n1,2\n3,4\n", "no column looks like text"),
    ("nothing to learn", "a.csv", "text\nthis is a text\nthis is another\n", "nothing to learn from"),
]


@pytest.mark.parametrize(
    ("name", "content", "said"), [case[1:] for case in NOTHING_TO_GUESS], ids=[case[0] for case in NOTHING_TO_GUESS]
)
def test_init_refuses_a_file_it_cannot_describe_and_writes_nothing(
    agile: Agile, tmp_path: Path, name: str, content: str, said: str
) -> None:
    if name != "gone.csv":
        (tmp_path / name).write_text(content)
    code, _, complaint = agile("init", name)
    assert (code, is_one_line(complaint)) == (2, True), complaint
    assert said in complaint
    assert list(tmp_path.glob("*.yaml")) == []


def test_init_without_a_terminal_names_both_readings_and_the_options_that_decide(agile: Agile, tmp_path: Path) -> None:
    rows = "".join(f"the {row}th text of many words,{row % 2},{row % 3 // 2}\n" for row in range(60))
    (tmp_path / "a.csv").write_text(f"text,insult,threat\n{rows}")
    code, _, complaint = agile("init", "a.csv")
    assert (code, is_one_line(complaint)) == (2, True), complaint
    assert "(--label insult) or " in complaint
    assert list(tmp_path.glob("*.yaml")) == []
    assert agile("init", "a.csv", "--label", "insult", "--label", "threat")[0] == 0
    assert load_config(tmp_path / "a.yaml").labels.rule == "any"


def test_init_takes_a_person_s_word_for_the_reading_too(agile: Agile, tmp_path: Path) -> None:
    rows = "".join(f"the {row}th text of many words|{'ok' if row % 3 else 'rude'}\n" for row in range(60))
    (tmp_path / "a.csv").write_bytes(f"schön {rows}".encode("cp1252"))
    words = ("--delimiter", "|", "--encoding", "cp1252", "--column-names", "satz,urteil", "--class-1", "ok")
    code, _, complaint = agile("init", "a.csv", *words)
    assert code == 0, complaint
    config = load_config(tmp_path / "a.yaml")
    assert (config.data.delimiter, config.data.encoding, config.data.columns.text) == ("|", "cp1252", "satz")
    assert config.labels.names == ("rude", "ok")
