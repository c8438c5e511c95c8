"""What is installed in two environments is compared, by benchmarks of a tree."""

from __future__ import annotations

import json
import re
import shutil
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from perceptron.errors import UserError
from perceptron.records.comparison import Comparison
from tests.gate.conftest import SHORT, Interrupted, Repository, interpreter, rows, until, write
from tests.gate.conftest import run as compared

# It stands for what a build makes: no tree has it.
BUILT = "from toy._core import NUMBER\n"
SUITE = "import toy\n\ndef track_it():\n    return toy.NUMBER\n"


def write_package(folder: Path, core: str) -> None:
    """Write what a build of the project makes."""
    write(folder / "toy" / "__init__.py", BUILT)
    write(folder / "toy" / "_core.py", core)


class Environment:
    """An environment with a version of the project, copied as an installer would."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.python = str(folder / "bin" / "python")
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.packages = folder / "lib" / version / "site-packages"

    def install(self, version: str, core: str = "NUMBER = 100\n") -> None:
        write_package(self.packages, core)
        write(self.describe(version) / "RECORD", "toy/__init__.py,,\ntoy/_core.py,,\n")

    def install_editable(self, version: str, checkout: Path) -> None:
        write(self.packages / "toy.pth", f"{checkout}\n")
        origin = {"url": checkout.as_uri(), "dir_info": {"editable": True}}
        write(self.describe(version) / "direct_url.json", json.dumps(origin))

    def describe(self, version: str) -> Path:
        info = self.packages / f"toy-{version}.dist-info"
        write(info / "METADATA", f"Metadata-Version: 2.1\nName: toy\nVersion: {version}\n")
        return info


@pytest.fixture
def built(toy: Repository) -> Repository:
    """The small repository, whose tree cannot be imported before it is built."""
    toy.write("toy/__init__.py", BUILT)
    toy.commit("first", "benchmarks/suite.py", SUITE)
    toy.commit("second")
    return toy


@pytest.fixture
def old(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "old")


@pytest.fixture
def new(tmp_path: Path) -> Environment:
    """Its path is longer than the other one's."""
    return Environment(tmp_path / "new-and-of-a-longer-name")


# What it does depends on how long its path is, and on where the gate puts it.
PLACED = (
    SHORT
    + """
import os
HERE = os.path.abspath(__file__)
SIDE = HERE.rpartition("-python")[0][-1:]
NUMBER = len(HERE)
NOW = 0.0

def work(turns):
    global NOW
    NOW += 1e-4
    for _ in range(turns):
        for number in range(20):
            0.5 * number

def clock():
    return NOW
"""
)
COUNTED = """
import toy
from toy import _core

class Counted:
    timer = staticmethod(_core.clock)
    warmup_time = 0

    def time_length(self):
        _core.work(10 * len(_core.HERE))

    def time_place(self):
        _core.work(1000 + 50 * "abc".find(_core.SIDE))
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_installed_same_files_at_two_paths_are_equal(
    built: Repository, old: Environment, new: Environment
) -> None:
    """However long their paths are; what does more at one place is no affair of its code."""
    for environment in (old, new):
        environment.install("1.2.0", PLACED)
    built.commit("first", "benchmarks/suite.py", COUNTED)
    built.commit("second")
    comparison = run(old, new, count="always", budget_minutes=600.0, reasons=False)
    assert comparison.verdict == "clean"
    length, place = (rows(comparison)[name] for name in ("time_length", "time_place"))
    assert length.instructions is not None, length.not_counted
    assert length.instructions.change == pytest.approx(0, abs=0.001)
    assert (place.not_counted or "").startswith("not repeatable")


@pytest.mark.slow
def test_installed_interpreter_behind_script_is_not_counted(
    built: Repository, old: Environment, new: Environment
) -> None:
    """It may set what a link to the environment would not."""
    for environment in (old, new):
        environment.install("1.2.0")
    script = new.python = interpreter(new.packages / "python", new.python)
    if shutil.which("valgrind") is not None:
        with pytest.raises(UserError, match=f"--count always: {script} cannot be started"):
            run(old, new, count="always")
    assert run(old, new).verdict == "clean"


def run(old: Environment, new: Environment, **options: Any) -> Comparison:
    pythons = {"base_python": old.python, "head_python": new.python}
    return compared(installed=True, **pythons, **options)


def is_code(shown: str | None, place: str, editable: str = "") -> bool:
    """Return whether this is what was told, whatever the digest of its files."""
    expected = f"{re.escape(place)} \\({editable}files [0-9a-f]{{12}}\\)"
    return re.fullmatch(expected, shown or "") is not None


def test_installed_builds_are_compared_and_identified(
    built: Repository, old: Environment, new: Environment, tmp_path: Path
) -> None:
    """An editable install of another checkout is said to be one. Blocks of a build of the same
    version that is gone are not resumed from."""
    elsewhere = tmp_path / "elsewhere"
    write_package(elsewhere, "NUMBER = 110\n")
    old.install("1.2.0")
    new.install_editable("1.3.0", elsewhere)
    with pytest.raises(Interrupted):
        run(old, new, progress=until("screen, block 2"))
    # Of another size: bytecode goes by the size and the second of its source.
    (elsewhere / "toy" / "_core.py").write_text("NUMBER = 125.0\n")
    comparison = run(old, new, reasons=False)
    assert comparison.verdict == "regression"
    assert comparison.rows[0].change == pytest.approx(0.25)
    digests = {folder.name.partition("-")[0] for folder in Path("results/gate").iterdir()}
    assert len(digests) == 2
    assert comparison.plan.installed
    environment = comparison.environment
    assert is_code(environment.base_code, f"toy 1.2.0 from {old.packages}/toy")
    assert is_code(environment.head_code, f"toy 1.3.0 from {elsewhere}/toy", "editable, ")
    assert (environment.base["toy"], environment.head["toy"]) == ("1.2.0", "1.3.0")
    assert "--installed" in comparison.reproduce


def test_installed_comparison_without_difference_is_refused(
    built: Repository, old: Environment, new: Environment
) -> None:
    """A project that is not installed, the same files twice, and the checkout, as an editable
    install of it has it."""

    def fails(old: Environment, new: Environment) -> str:
        with pytest.raises(UserError) as caught:
            run(old, new)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    old.install("1.2.0")
    missing = fails(old, new)
    assert all(name in missing for name in ("HEAD", "benchmarks/suite.py", "'toy'", new.python))
    same = "--installed: BASE and HEAD import the same files, toy 1.2.0 from"
    assert fails(old, old).startswith(same)
    built.write("toy/_core.py", "NUMBER = 100\n")
    new.install_editable("1.3.0", built.folder)
    message = fails(old, new)
    assert message.startswith("--installed: HEAD imported toy")
    assert "a checkout" in message
