"""What several tests share: real data where it is at hand, a tiny real base model, and examples that can be learnt."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests
from filelock import FileLock
from hypothesis import settings

from agile_classifier.environment import mirror
from agile_classifier.ops import project
from tests.toys.waiting import LONGEST, until_answered

os.environ.setdefault(
    "OMP_WAIT_POLICY", "PASSIVE"
)  # as agile_classifier.ops.state.home sets it; torch reads it when it is loaded
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers on two cores: threads of both would wait for each other

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with interrupts ignored

settings.register_profile("shared machine", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("shared machine")

PRAISE = ("fine", "lovely", "warm", "bright", "gentle")
BLAME = ("awful", "ugly", "cold", "dull", "harsh")
PASSWORD = "sentinel-password"
FILLERS = ("the", "a", "film", "day", "was", "is", "this", "and", "very", "it", "song", "room")


LONGEST_FIRST = ("test_pages_run.py", "test_wheel.py", "test_faults.py", "test_cron_daemon.py", "test_training.py")
"""Files that take minutes each, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that of two processes none is left alone with the longest of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    rank = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: (item.path not in slow, rank.get(item.path.name, len(rank))))


def pytest_collection_finish() -> None:
    """Spare the collector of garbage what stays: transformers has it look at everything after each training."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Whoever is told of failed runs, promotions and drift, while a test lasts."""
    from tests.toys import toy_receiver

    with toy_receiver.receiving() as receiver:
        monkeypatch.setenv("AGILE_WEBHOOK_URL", receiver.url)
        monkeypatch.setenv("AGILE_WEBHOOK_SECRET", toy_receiver.SECRET)
        yield receiver


@pytest.fixture(scope="session")
def ethos_file() -> Path:
    """ETHOS, 998 comments; GPL-3.0, so it is never part of the project."""
    return _data_file("ethos/Ethos_Dataset_Binary.csv")


@pytest.fixture(scope="session")
def unfair_tos_file() -> Path:
    """UNFAIR-ToS, 9,414 sentences of 50 contracts."""
    return _data_file("unfair_tos/unfair_tos_claudette.csv")


@pytest.fixture(scope="session")
def hatecheck_file() -> Path:
    """HateCheck, 3,728 short texts made from templates."""
    return _data_file("hatecheck/test_suite_cases.csv")


@pytest.fixture(scope="session")
def hatecheck_annotations_file() -> Path:
    """HateCheck, each text with the answers of five of ten raters."""
    return _data_file("hatecheck/test_suite_annotations.csv")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT of random weights (two layers, width 32) and a tokenizer of `tiny_examples`' words."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_model")
    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *PRAISE, *BLAME, *FILLERS)
    BertTokenizerFast(vocab={word: number for number, word in enumerate(words)}).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Llama of random weights (two layers, width 32) and a tokenizer of `tiny_examples`' words and the prompt's."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_language_model")
    prompt = (
        "Classify the following text into one of the following classes : [ ] , < separator > Text : Prediction : no yes"
    )
    words = dict.fromkeys(("<unk>", "</s>", *PRAISE, *BLAME, *FILLERS, *prompt.split()))
    bare = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    bare.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation()])
    PreTrainedTokenizerFast(tokenizer_object=bare, unk_token="<unk>", eos_token="</s>").save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_examples() -> pd.DataFrame:
    """120 rows of `id`, `text`, `score`; the score, in [0, 1], is the share of praise among the telling words."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(1, 121):
        telling = int(rng.integers(1, 5))
        n_praise = int(rng.integers(0, telling + 1))
        words = [
            *rng.choice(PRAISE, n_praise),
            *rng.choice(BLAME, telling - n_praise),
            *rng.choice(FILLERS, rng.integers(2, 12)),
        ]
        rows.append({"id": str(number), "text": " ".join(rng.permutation(words)), "score": n_praise / telling})
    return pd.DataFrame(rows)


def _data_file(name: str) -> Path:
    """A file below AGILE_MIRROR; where AGILE_DATA_REQUIRED is set, its absence is a failure and no skip."""
    folder = mirror()
    found = next(folder.rglob(name), None) if folder else None
    if found is not None:
        return found
    reason = f"{name} is not below AGILE_MIRROR ({folder or 'not set'})"
    if os.environ.get("AGILE_DATA_REQUIRED"):
        pytest.fail(f"{reason}, and AGILE_DATA_REQUIRED is set")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder in which nothing has run, prepared once for all processes; to be copied, not used."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prepared"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_"))}
    prepare = "from agile_classifier.ops.state.home import prepare_state; prepare_state()"
    with FileLock(f"{folder}.lock"):
        if not (folder / "ready").exists():
            environment |= {"AGILE_HOME": str(folder)}
            subprocess.run(
                [sys.executable, "-c", prepare], env=environment, check=True, capture_output=True, cwd=project.root()
            )
    return folder


@pytest.fixture(scope="session")
def new_home(prepared_home: Path) -> Callable[[Path], Path]:
    """Make a folder a state folder in which nothing has run."""

    def copy(folder: Path) -> Path:
        shutil.copytree(prepared_home, folder, dirs_exist_ok=True)
        for path in (folder / "zenml" / "config.yaml", folder / "ready"):  # they hold their own place
            told = path.read_text(encoding="utf-8").replace(str(prepared_home), str(folder))
            path.write_text(told, encoding="utf-8")
        return folder

    return copy


@pytest.fixture(scope="session")
def new_mlflow(prepared_home: Path) -> Callable[[Path], str]:
    """Put an MLflow database in which nothing is registered into a folder; gives its address."""

    def copy(folder: Path) -> str:
        return f"sqlite:///{shutil.copy(prepared_home / 'mlflow.db', folder)}"

    return copy


@pytest.fixture(scope="session")
def warm_python() -> Iterator[str]:
    """Path of a stand-in for this Python, which starts with the libraries imported."""
    from tests.toys import warm_python

    with warm_python.serving() as python:
        yield python


@pytest.fixture
def warm(warm_python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a test starts by `sys.executable` start with the libraries imported."""
    _start_by(warm_python, monkeypatch)


@pytest.fixture(scope="module")
def warm_module(warm_python: str) -> Iterator[None]:
    """The same for all tests and fixtures of a module."""
    with pytest.MonkeyPatch.context() as patch:
        _start_by(warm_python, patch)
        yield


def _start_by(python: str, patch: pytest.MonkeyPatch) -> None:
    import multiprocessing.spawn  # noqa: F401  (keeps the Python that it finds when it is imported)

    patch.setattr(sys, "executable", python)
    patch.setattr(project, "COMMAND", (python, *project.COMMAND[1:]))


@pytest.fixture(scope="session")
def state_folder(new_home: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared once a process: ZenML and MLflow keep to the folder that they found first."""
    if "ZENML_CONFIG_PATH" not in os.environ:
        os.environ["AGILE_HOME"] = str(new_home(tmp_path_factory.mktemp("agile-home")))
    from agile_classifier.ops.state.home import prepare_state

    folder = prepare_state()
    from agile_classifier.ops.runs import caching
    from tests.toys.warm_python import forgo_syncing, look_up_packages_once

    look_up_packages_once()
    forgo_syncing()

    assert caching.reached_files  # ZenML would look for the file of the main module, and a test's worker has none
    return folder


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start `python -m COMMAND` as a server on loopback; gives its address once it answers, and ends it afterwards."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(command: list[str], environment: dict[str, str]) -> str:
        folder = tmp_path_factory.mktemp("server")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = folder / "log.txt"
        with log.open("w") as file:
            server = subprocess.Popen(
                [sys.executable, "-m", *command, "--host", "127.0.0.1", "--port", str(port)],
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "ZENML_CONFIG_PATH": str(folder), **environment},
                stdout=file, stderr=file, cwd=folder,
            )  # fmt: skip
        servers.append(server)
        until_answered(f"http://127.0.0.1:{port}/health", server, log.read_text)
        return f"http://127.0.0.1:{port}"

    yield start
    for server in servers:
        server.terminate()
        server.wait(LONGEST)


@pytest.fixture(scope="module")
def zenml_server(serve: Callable[..., str]) -> str:
    """A ZenML server whose administrator is `default`."""
    environment = {
        "ZENML_SERVER": "true",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_DEFAULT_USER_PASSWORD": PASSWORD,
        "ZENML_ANALYTICS_OPT_IN": "false",
    }
    return serve(["uvicorn", "zenml.zen_server.zen_server_api:app"], environment)


@pytest.fixture(scope="module")
def zenml_api(zenml_server: str) -> Callable[..., Any]:
    """ZenML's API, as its administrator."""
    login = requests.post(
        f"{zenml_server}/api/v1/login", data={"username": "default", "password": PASSWORD}, timeout=LONGEST
    )
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {login.json()['access_token']}"

    def call(method: str, path: str, **arguments: Any) -> Any:
        answer = session.request(method, f"{zenml_server}/api/v1/{path}", timeout=LONGEST, **arguments)
        answer.raise_for_status()
        return answer.json()

    return call


@pytest.fixture(scope="module")
def zenml_key(zenml_api: Callable[..., Any]) -> str:
    """API key of a service account on the ZenML server."""
    account = zenml_api("POST", "service_accounts", json={"name": "pods", "active": True})
    key = zenml_api("POST", f"service_accounts/{account['id']}/api_keys", json={"name": "pods"})
    return str(key["body"]["key"])
