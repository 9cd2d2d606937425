"""Fine-tuning on a toy model and real text: determinism, resumption after SIGKILL, and the NF4 defect."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, GemmaConfig, GemmaForCausalLM

from agile_classifier.config.files import load_config
from agile_classifier.config.training import EarlyStopping, FineTuneConfig, ModelConfig
from agile_classifier.metrics.metrics import evaluate_scores
from agile_classifier.models.base_model import load_base_model
from agile_classifier.models.network.network import build_network
from agile_classifier.models.predictor import Predictor
from agile_classifier.models.prompts.prompts import Prompt
from agile_classifier.models.spec import ClassifierSpec
from agile_classifier.training.checkpoints import last_complete_checkpoint
from agile_classifier.training.fine_tuning import fine_tune
from agile_classifier.training.history import History
from agile_classifier.training.trainer import halve_micro_batch
from tests.toys.waiting import LONGEST

CONFIGS = Path(__file__).parents[2] / "configs"
SETTINGS = FineTuneConfig(rank=4, alpha=8, learning_rate=5e-3, epochs=4, batch_size=8, max_time=600)
SPEC = ClassifierSpec.describe(ModelConfig(source="toy", max_length=32), class_names=("no", "yes"), base_digest="")
ASKING = replace(SPEC, pooling="answer", prompt=Prompt(("no", "yes")), max_length=64)


@pytest.fixture(scope="module")
def labelled(tiny_examples: pd.DataFrame) -> pd.DataFrame:
    return tiny_examples.assign(label=(tiny_examples["score"] >= tiny_examples["score"].median()).astype(int))


def changed(**fields: Any) -> FineTuneConfig:
    return FineTuneConfig(**{**dict(SETTINGS), **fields})


def tune(
    base: Path,
    labelled: pd.DataFrame,
    folder: Path,
    *,
    settings: FineTuneConfig = SETTINGS,
    spec: ClassifierSpec = SPEC,
    n_train: int = 80,
) -> Path:
    parts = {"train": labelled[:n_train], "validation": labelled[n_train:]}
    fine_tune(parts, spec, settings, base=base, checkpoints=folder / "checkpoints", output=folder / "adapter")
    return folder / "adapter"


def tensors(adapter: Path, checkpoint: str) -> dict[str, torch.Tensor]:
    files = ("adapter_model.safetensors", "head.safetensors")
    return {f"{file}:{name}": value for file in files for name, value in load_file(adapter / checkpoint / file).items()}


def assert_equal(one: Path, other: Path) -> None:
    for checkpoint in ("best", "last"):
        ours, theirs = tensors(one, checkpoint), tensors(other, checkpoint)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert History.load(one).epochs == History.load(other).epochs


def test_a_toy_is_learnt_and_scores_survive_saving(tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path) -> None:
    adapter = tune(tiny_model, labelled, tmp_path, settings=changed(epochs=30))
    y_score = Predictor.load(adapter, base=tiny_model).score(list(labelled["text"][80:]))[:, 1]
    y_true = labelled["label"][80:].to_numpy()
    assert y_score[y_true == 1].mean() > y_score[y_true == 0].mean() + 0.3
    history = History.load(adapter)
    assert len(history.epochs) == 30
    assert history.epochs[-1]["train_loss"] < history.epochs[0]["train_loss"]


def test_attacked_copies_are_learnt_beside_train_and_the_same_training_gives_the_same_tensors(
    tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path
) -> None:
    settings = changed(epochs=1, augment={"attacks": ["typos", "leetspeak"], "share": 1.0})
    plain, first, again = (
        tune(tiny_model, labelled, tmp_path / name, settings=each, spec=replace(SPEC, normalize=("zero_width",)))
        for name, each in {"plain": changed(epochs=1), "first": settings, "again": settings}.items()
    )
    assert History.load(first).n_steps == 2 * History.load(plain).n_steps
    assert_equal(first, again)
    assert ClassifierSpec.load(first).normalize == ("zero_width",)


@pytest.mark.parametrize("loss", ["label_tokens", "vocabulary", "full_text"])
def test_a_language_model_learns_to_answer_and_its_answers_survive_saving(
    tiny_language_model: Path, labelled: pd.DataFrame, tmp_path: Path, loss: str
) -> None:
    settings = changed(loss=loss, epochs=3, learning_rate=2e-2)
    adapter = tune(tiny_language_model, labelled, tmp_path, settings=settings, spec=ASKING)
    epochs = History.load(adapter).epochs
    assert epochs[-1]["train_loss"] < epochs[0]["train_loss"]
    predictor = Predictor.load(adapter, base=tiny_language_model, checkpoint="last")
    y_score = predictor.score(list(labelled["text"][80:]))
    expected = evaluate_scores(y_true=labelled["label"][80:].to_numpy(), y_score=y_score, decision_threshold=0.5)
    assert epochs[-1]["validation_roc_auc"] == pytest.approx(expected["roc_auc"])
    assert predictor.spec.prompt == Prompt(("no", "yes"))


@pytest.mark.parametrize("name", ["ethos-gemma-2b-a100", "ethos-gemma-7b-a100"])
def test_the_published_recipe_takes_a_step_on_a_tiny_gemma_and_answers_after_reloading(
    tiny_language_model: Path, labelled: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    base = shutil.copytree(tiny_language_model, tmp_path / "gemma")
    words = AutoConfig.from_pretrained(base).vocab_size
    GemmaForCausalLM(
        GemmaConfig(
            vocab_size=words, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, head_dim=32,
        )
    ).save_pretrained(base)  # fmt: skip
    config = load_config(
        CONFIGS / f"{name}.yaml", overrides=("model.prompt.labels=['no', 'yes']", "fine_tune.epochs=1")
    )
    spec = ClassifierSpec.describe(config.model, class_names=("no", "yes"), base_digest="")
    tune(base, labelled[:2], tmp_path, settings=config.fine_tune, spec=spec, n_train=2)
    assert History.load(tmp_path / "adapter").n_steps == 1
    y_score = Predictor.load(tmp_path / "adapter", base=base).score(["a fine day", "awful"])
    assert y_score.sum(axis=1) == pytest.approx(1)
    assert (spec.quantization, spec.max_length, config.fine_tune.batch_size) == ("nf4", 128, 2)


@pytest.fixture(scope="module")
def unbroken(tiny_model: Path, labelled: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter of a training that nothing has disturbed."""
    return tune(tiny_model, labelled, tmp_path_factory.mktemp("unbroken"))


def test_the_same_seed_gives_the_same_adapter_bit_for_bit(
    tiny_model: Path, labelled: pd.DataFrame, unbroken: Path, tmp_path: Path
) -> None:
    assert_equal(unbroken, tune(tiny_model, labelled, tmp_path))


def test_another_seed_gives_another_adapter(
    tiny_model: Path, labelled: pd.DataFrame, unbroken: Path, tmp_path: Path
) -> None:
    other = tune(tiny_model, labelled, tmp_path, settings=changed(seed=1))
    assert not all(
        torch.equal(value, tensors(other, "last")[name]) for name, value in tensors(unbroken, "last").items()
    )


KILLED = """
import sys, time
import pandas as pd
sys.path.insert(0, {tests!r})
from pathlib import Path
import test_fine_tuning as t
from transformers import TrainerCallback
import agile_classifier.training.callbacks as callbacks
slow = callbacks.ProgressBar.on_step_end
def on_step_end(self, args, state, control, **more):
    print("step", state.global_step, flush=True)
    if state.global_step == {killed_at}:
        time.sleep({longest})
    return slow(self, args, state, control, **more)
callbacks.ProgressBar.on_step_end = on_step_end
t.tune(Path({base!r}), pd.read_parquet({data!r}), Path({folder!r}))
"""


@pytest.mark.parametrize("killed_at", [13, 24])
def test_a_training_killed_at_any_step_resumes_to_the_tensors_and_metrics_of_an_unbroken_one(
    tiny_model: Path, labelled: pd.DataFrame, unbroken: Path, tmp_path: Path, killed_at: int
) -> None:
    data = tmp_path / "labelled.parquet"
    labelled.to_parquet(data)
    script = KILLED.format(
        tests=str(Path(__file__).parent), base=str(tiny_model), data=str(data), folder=str(tmp_path / "broken"),
        killed_at=killed_at, longest=LONGEST,
    )  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == f"step {killed_at}":
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait(LONGEST) == -signal.SIGKILL
    checkpoint = last_complete_checkpoint(tmp_path / "broken" / "checkpoints")
    assert checkpoint is not None
    assert checkpoint.endswith(f"checkpoint-{killed_at // 10 * 10}")
    assert_equal(tune(tiny_model, labelled, tmp_path / "broken"), unbroken)


def test_a_checkpoint_whose_writing_was_cut_off_is_not_resumed(tmp_path: Path) -> None:
    for step, state in ((10, '{"global_step": 10}'), (20, '{"global_')):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(state)
    (tmp_path / "checkpoint-30").mkdir()
    assert last_complete_checkpoint(tmp_path) == str(tmp_path / "checkpoint-10")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-10"]


@pytest.mark.parametrize("quantization", ["nf4", "int8", "none"])
def test_every_lora_gradient_survives_an_evaluation_pass(tiny_model: Path, quantization: str) -> None:
    """bitsandbytes 0.50 repacks 4-bit weights in the first pass in eval mode, where the CPU has AVX512-BF16."""
    base_model = load_base_model(
        tiny_model,
        pooling="mean",
        n_classes=2,
        quantization=quantization,
        double_quant=True,
        compute_dtype="float32",
        device="cpu",
    )
    network = build_network(base_model, replace(SPEC, hidden_size=32), SETTINGS, base_folder=tiny_model)
    batch = {"input_ids": torch.tensor([[2, 7, 8, 3]]), "attention_mask": torch.ones(1, 4, dtype=torch.long)}
    with torch.no_grad():
        network.eval()(**batch)
    network.train()(**batch, labels=torch.tensor([1]))["loss"].backward()
    missing = [name for name, value in network.named_parameters() if value.requires_grad and value.grad is None]
    assert missing == []
    assert sum("lora_" in name for name, value in network.named_parameters() if value.requires_grad) > 0


def test_nf4_weights_are_kept_from_being_repacked(tiny_model: Path) -> None:
    base_model = load_base_model(
        tiny_model,
        pooling="mean",
        n_classes=2,
        quantization="nf4",
        double_quant=True,
        compute_dtype="float32",
        device="cpu",
    )
    flags = [
        module.support_avx512bf16_for_cpu
        for module in base_model.modules()
        if hasattr(module, "support_avx512bf16_for_cpu")
    ]
    assert flags
    assert not any(flags)


def test_without_validation_the_best_checkpoint_is_the_last(
    tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path
) -> None:
    tune(tiny_model, labelled, tmp_path, settings=changed(epochs=2), n_train=len(labelled))
    best, last = (tensors(tmp_path / "adapter", checkpoint) for checkpoint in ("best", "last"))
    assert all(torch.equal(value, last[name]) for name, value in best.items())
    assert History.load(tmp_path / "adapter").best_epoch == 2


def test_early_stopping_ends_training_and_keeps_the_best_epoch(
    tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path
) -> None:
    stopping = changed(learning_rate=1e-6, epochs=30, early_stopping=EarlyStopping(patience=2, min_delta=0.5))
    history = History.load(tune(tiny_model, labelled, tmp_path, settings=stopping))
    assert len(history.epochs) < 30


def test_training_ends_at_its_time_limit_with_what_it_has(
    tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path
) -> None:
    history = History.load(tune(tiny_model, labelled, tmp_path, settings=changed(epochs=10_000, max_time=2)))
    assert history.seconds >= 2
    assert len(history.epochs) < 10_000
    assert (tmp_path / "adapter" / "last" / "head.safetensors").is_file()


def test_out_of_memory_halves_the_micro_batch_and_keeps_the_effective_batch(
    tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agile_classifier.models.network.network import TextClassifier

    forward = TextClassifier.forward

    def forward_in_little_memory(
        self: TextClassifier, input_ids: torch.Tensor, *rest: object, **named: object
    ) -> object:
        if self.training and len(input_ids) > 4:
            raise torch.OutOfMemoryError("toy device is full")
        return forward(self, input_ids, *rest, **named)

    monkeypatch.setattr(TextClassifier, "forward", forward_in_little_memory)
    history = History.load(tune(tiny_model, labelled, tmp_path, settings=changed(epochs=1)))
    assert history.micro_batch_size == 4
    assert history.n_steps == 10  # 80 rows in effective batches of 8
    assert halve_micro_batch(SETTINGS).batch_size * halve_micro_batch(SETTINGS).gradient_accumulation_steps == 8


def test_what_is_written_names_no_folder_of_this_machine(
    tiny_model: Path, labelled: pd.DataFrame, tmp_path: Path
) -> None:
    adapter = tune(tiny_model, labelled, tmp_path, settings=changed(epochs=1))
    config = json.loads((adapter / "best" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "toy"
    assert not list(adapter.rglob("*.bin"))
    assert np.isfinite(History.load(adapter).epochs[0]["validation_roc_auc"])
