"""Backends from another package, installed as a user would, in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = """
from perceptron.backends.numpy_backend import NumpyBackend
from dataclasses import replace

class Good(NumpyBackend):
    name = "elsewhere"
    summary = "NumPy under another name"

class Wrong(NumpyBackend):
    name = "elsewhere-wrong"
    summary = "NumPy with a rate of its own"

    def prepare(self, problem, dtype):
        optimizer = replace(problem.optimizer, rate=1.01 * problem.rate)
        return super().prepare(replace(problem, optimizer=optimizer), dtype)
"""

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "elsewhere"
version = "1.0"
[project.entry-points."perceptron.backends"]
elsewhere = "elsewhere:Good"
elsewhere-wrong = "elsewhere:Wrong"
[tool.setuptools]
py-modules = ["elsewhere"]
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the package, and with ours by way of its path."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "package").mkdir()
    (folder / "package" / "elsewhere.py").write_text(PACKAGE)
    (folder / "package" / "pyproject.toml").write_text(PROJECT)
    venv.create(folder / "env", symlinks=True)
    interpreter = folder / "env" / "bin" / "python"
    site = subprocess.run(
        [interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    Path(site, "host.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", interpreter, "install", "--quiet"),
            *("--no-deps", "--no-build-isolation", "--no-index", str(folder / "package")),
        ],
        check=True,
    )
    return interpreter


def run(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [python, "-m", "perceptron", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_its_contract_can_be_checked(python: Path, tmp_path: Path) -> None:
    """The right one keeps it; exit code 1 and the difference are for the wrong one.

    On two problems: on all of them each backend of ours is checked.
    """
    problems = ("--problem", "or-gate", "--problem", "mlp-depth:2")
    process = run(python, tmp_path, "check", "elsewhere", "elsewhere-wrong", *problems, "--json")
    assert process.returncode == 1, process.stderr
    checks = json.loads(process.stdout)["backends"]
    assert all(check["passed"] and not check["broken"] for check in checks["elsewhere"])
    broken = [text for check in checks["elsewhere-wrong"] for text in check["broken"]]
    assert any("disagrees with float64 NumPy" in text for text in broken), broken


def test_the_right_one_is_timed_and_the_wrong_one_never(python: Path, tmp_path: Path) -> None:
    """Recorded as failed, with its difference and without a time."""
    options = ("--quick", "--families", "none", "--threads", "1", "--rounds", "1", "--budget", "10")
    names = ("--backends", "elsewhere,elsewhere-wrong")
    process = run(python, tmp_path, "bench", *names, *options, "--html", "", "--json")
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    finding = {entry["backend"]: entry for entry in document["finding"]}
    assert finding["elsewhere"]["seconds"] > 0
    assert finding["elsewhere-wrong"]["seconds"] is None
    assert "disagrees with float64 NumPy" in finding["elsewhere-wrong"]["reason"]
    lines = (tmp_path / document["results"] / "measurements.jsonl").read_text().splitlines()
    wrong = [row for row in map(json.loads, lines) if row["backend"] == "elsewhere-wrong"]
    assert wrong
    for row in wrong:
        assert row["status"] == "failed"
        assert row["samples"] == []
        assert row["seconds"] is None
