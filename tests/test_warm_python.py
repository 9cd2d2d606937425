"""The stand-in for Python that many tests start commands by: all that a caller can see is as with the real one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.toys.waiting import LONGEST, until

pytestmark = pytest.mark.slow

FIXED = {"PATH": "", "LC_ALL": "C.UTF-8"}
LOOK = """
import json, os, sys
imported = [name in sys.modules for name in ("zenml", "agile_classifier")]
print(json.dumps([sys.argv, os.getcwd(), dict(os.environ), sys.stdin.read(), *imported]))
print("aside", file=sys.stderr)
"""


def start(python: str, *words: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**FIXED, **variables}
    return subprocess.run(
        [python, *words], input="told", capture_output=True, text=True, cwd=folder, env=environment, check=False
    )


def test_arguments_folder_environment_and_streams_are_the_caller_s(warm_python: str, tmp_path: Path) -> None:
    done = start(warm_python, "-c", LOOK, "one", "two words", folder=tmp_path, MINE="1")
    assert (done.returncode, done.stderr) == (0, "aside\n")
    words, folder, environment, told, libraries, project = json.loads(done.stdout)
    assert (words, folder, told) == (["-c", "one", "two words"], str(tmp_path), "told")
    assert environment == {**FIXED, "MINE": "1"}
    assert (libraries, project) == (True, False)


@pytest.mark.parametrize("code", ["import sys; sys.exit(7)", "import sys; sys.exit('said')", "1 / 0", "pass"])
def test_the_exit_code_and_what_is_said_are_the_real_ones(warm_python: str, tmp_path: Path, code: str) -> None:
    stand_in, real = (start(python, "-c", code, folder=tmp_path) for python in (warm_python, sys.executable))
    assert stand_in.returncode == real.returncode
    assert stand_in.stderr.splitlines()[-1:] == real.stderr.splitlines()[-1:]


def test_a_module_is_found_in_the_caller_s_folder_and_what_it_starts_is_a_stand_in_too(
    warm_python: str, tmp_path: Path
) -> None:
    nested = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import sys; print(\"zenml\" in sys.modules)'])"
    )
    (tmp_path / "mine.py").write_text(f"print(__name__, flush=True)\n{nested}\n")
    done = start(warm_python, "-m", "mine", folder=tmp_path)
    assert done.stdout.splitlines() == ["__main__", "True"], done.stderr
    cold = start(warm_python, "-m", "mine", folder=tmp_path, COLD="1")
    assert cold.stdout.splitlines() == ["__main__", "False"], cold.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_reaches_the_command_and_no_command_outlives_its_caller(
    warm_python: str, tmp_path: Path, number: signal.Signals
) -> None:
    waits = f"import os, time; print(os.getpid(), flush=True); time.sleep({LONGEST})"
    with subprocess.Popen(
        [warm_python, "-c", waits], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path
    ) as caller:
        assert caller.stdout is not None
        command = int(caller.stdout.readline())
        caller.send_signal(number)
        assert caller.wait(LONGEST) == -number
        assert caller.stdout.read() == "", "its end of the pipe is closed once it is gone"
    until(lambda: not psutil.pid_exists(command), "the command outlives its caller")
