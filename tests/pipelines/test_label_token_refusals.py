"""Label tokens that cannot work: `agile train` ends before training, in one line that says what to mend, with exit code 2."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from agile_classifier.cli import app as cli
from agile_classifier.config.run import RunConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_module")]

ConfigOf = Callable[..., RunConfig]


@pytest.fixture(scope="module")
def bases(tiny_model: Path, tiny_language_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The toy language model, two whose tokenizers are altered, a BERT, and one that says to be a RoBERTa."""
    folder = tmp_path_factory.mktemp("bases")
    made = {name: shutil.copytree(tiny_language_model, folder / name) for name in ("lower case", "endless")}
    edit(made["lower case"] / "tokenizer.json", normalizer={"type": "Lowercase"})
    edit(made["endless"] / "tokenizer_config.json", eos_token=None, pad_token="<unk>")
    made["roberta"] = shutil.copytree(tiny_model, folder / "roberta")
    edit(made["roberta"] / "config.json", model_type="roberta", max_position_embeddings=514, pad_token_id=1)
    return {**made, "language model": tiny_language_model, "bert": tiny_model}


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


REFUSED = [
    ("lower case", {"prompt": {"labels": ["yes", "Yes"]}}, "prompt: labels 'yes' and 'Yes' are the same token 'yes'"),
    ("language model", {"prompt": {"labels": ["no", "maybe"]}}, "prompt: label 'maybe' is outside the tokenizer's vocabulary"),
    ("language model", {"max_length": 16}, "model.max_length 16: the prompt takes 26 tokens without a text; none is left for one"),
    ("language model", {"max_length": 129}, "model.max_length 129: the base model reads at most 128 tokens"),
    ("roberta", {"head": "classification", "max_length": 514}, "model.max_length 514: the base model reads at most 512 tokens"),
    ("bert", {}, "model.head label_tokens needs a causal language model (…ForCausalLM, …LMHeadModel, …ForConditionalGeneration); model.source holds BertModel"),
    ("endless", {}, "prompt: the tokenizer has no end-of-text token of its own; end_of_text must name one"),
]  # fmt: skip


@pytest.mark.parametrize(("base", "model", "said"), REFUSED, ids=[case[2][:50] for case in REFUSED])
def test_label_tokens_that_cannot_work_are_refused_in_one_line_with_exit_code_2(
    config_of: ConfigOf,
    bases: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    base: str,
    model: dict[str, Any],
    said: str,
) -> None:
    asked = {"source": str(bases[base]), "head": "label_tokens", "max_length": 64, **model}
    config = config_of(tmp_path / "examples.csv", "refused", model=asked, labels={"names": ["no", "yes"]})
    path = tmp_path / "refused.yaml"
    path.write_text(yaml.safe_dump({"parameters": config.model_dump(mode="json", exclude_defaults=True)}))
    monkeypatch.setattr(
        "agile_classifier.ops.runs.outcome.say_steps", lambda: None
    )  # it would quieten the log of later tests too
    monkeypatch.setattr(sys, "argv", ["agile", "train", str(path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    line = capsys.readouterr().err.splitlines()[-1]
    assert ended.value.code == 2
    assert line.startswith("agile: error: ")
    assert said in line
    assert str(tmp_path.parent) not in line  # the config's words, and no folder of the artifact store
