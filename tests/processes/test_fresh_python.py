"""No file of the folder in which a command is typed is run, and every process runs this code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.measure import launch
from perceptron.measure.job import Time
from perceptron.processes.fresh_python import standard_first
from tests.conftest import ROOT

PACKAGE = ROOT / "perceptron"
IGNORED = shutil.ignore_patterns("__pycache__")
JOB = Time(
    problem="mlp-width:2",
    backend="numpy",
    dtype="float32",
    threads=1,
    samples=1,
    minimum_seconds=1e-4,
    step="check",
)
# Each starts a process that runs another module of the package.
STARTS = """
from pathlib import Path
from perceptron.backends import registry
from perceptron.measure import environment, launch
from perceptron.questions.fastest import cache
from perceptron.questions.crossover.functions import called
from tests.processes.test_fresh_python import JOB

print(launch.run_job(JOB).status)
print(bool(environment.environment([registry.load("numpy")], 1).pools))
print(cache.elsewhere(["numpy"], 60)["numpy"].unavailable)
print(called(str(Path("functions.py").resolve())).names)
"""
FUNCTIONS = """
import random, helper
helper.found
random.Random
def setup(size):
    return size
CANDIDATES = {"one": abs, "other": abs}
SIZES = [1, 2]
"""
ANSWERS = "ok\nTrue\nNone\n('one', 'other')\n"


@pytest.fixture
def learner(tmp_path: Path) -> Path:
    """A folder with a learner's files, and with another checkout of this package."""
    for name in ("random", "enum", "statistics", "msgspec", "numpy", "psutil"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name}.py was run')\n")
    (tmp_path / "perceptron").mkdir()
    (tmp_path / "perceptron" / "__init__.py").write_text("raise SystemExit('another was run')\n")
    (tmp_path / "helper.py").write_text("found = True\n")
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    return tmp_path


def python(folder: Path, *arguments: str, path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=variables, capture_output=True, text=True
    )


def test_files_of_the_current_folder_are_never_run(learner: Path) -> None:
    """Functions of a file find the modules beside it, and the standard library before these."""
    ran = python(learner, "-P", "-c", STARTS)
    assert (ran.stdout, ran.stderr) == (ANSWERS, "")


def test_fresh_python_keeps_standard_library_first(learner: Path) -> None:
    """By its own rule Python takes the package itself from the current folder."""
    shutil.rmtree(learner / "perceptron")
    assert python(learner, "-m", "perceptron", "crossover", "--help").returncode == 0


def test_fresh_python_puts_callers_path_after_standard_library(
    learner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And another checkout on it after this one."""
    for name in ("msgspec", "numpy", "psutil"):  # those it may replace
        (learner / f"{name}.py").unlink()
    monkeypatch.setenv("PYTHONPATH", str(learner))
    assert launch.run_job(JOB).status == "ok"


def test_processes_of_a_bare_checkout_run_its_code(tmp_path: Path) -> None:
    """Also where another copy is installed."""
    shutil.copytree(PACKAGE, tmp_path / "perceptron", ignore=IGNORED)
    with (tmp_path / "perceptron" / "measure" / "timing.py").open("a") as timing:
        timing.write("slower = True\n")
    names = "tests.processes.test_fresh_python import JOB"
    code = f"from perceptron.measure.launch import run_job; from {names}"
    ran = python(tmp_path, "-c", f"{code}; print(run_job(JOB).status)")
    assert (ran.stdout.splitlines()[-1:], ran.stderr) == (["ok"], "")


def test_fresh_python_finds_uninstalled_checkout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a machine without network, where wheels of the libraries alone were carried."""
    monkeypatch.chdir(PACKAGE.parent)
    assert str(PACKAGE.parent) in standard_first(["/carried/site"])


def test_fresh_python_worker_of_other_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a checkout changes while a command measures."""
    shutil.copytree(PACKAGE, tmp_path / "perceptron", ignore=IGNORED)
    program = "processes/fresh_python.py"
    ours, there = launch._COMMAND, str(tmp_path / "perceptron" / program)
    command = [there if word == str(PACKAGE / program) else word for word in ours]
    monkeypatch.setattr(launch, "_COMMAND", command)
    assert launch.run_job(JOB).status == "ok"
    with (tmp_path / "perceptron" / "measure" / "timing.py").open("a") as timing:
        timing.write("slower = True\n")
    with pytest.raises(UserError, match=f"other code than this command: {tmp_path}"):
        launch.run_job(JOB)
