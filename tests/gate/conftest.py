"""Blocks made up, and small repositories with an asv suite whose clock counts work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from math import exp
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from msgspec.structs import replace

from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.journal import ComparisonRun
from perceptron.gate.stages import Progress
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Benchmark, Block, SideMeasurement, Stage
from perceptron.records.comparison import Comparison, Row
from tests import watching
from tests.gate import few_blocks
from tests.gate.few_blocks import FEWEST
from tests.made_comparison import block, comparison

# Work is counted, so that nothing here depends on how fast or busy the machine is.
SHORT = """
import __main__

if hasattr(__main__, "timing"):  # no batch has to be long
    __main__.timing.BATCH_SECONDS = 1e-3
"""
COUNTED = f"""{SHORT}
DONE = 0.0

def work(amount):
    global DONE
    DONE += amount * 1e-6
    return amount

def clock():
    return DONE
"""
SUITE = """
import toy

def track_it():
    return toy.work(100)
"""


def benchmark(key: str) -> Benchmark:
    return Benchmark(name=key)


def blocks(
    key: str,
    ratios: Sequence[float],
    stage: Stage = "screen",
    control: Sequence[float] | None = None,
) -> list[Block]:
    """Blocks with these log-ratios, of HEAD and of the second copy of BASE."""
    base = 1e-3
    copies = [
        None if control is None else SideMeasurement(status="ok", value=base * exp(control[number]))
        for number in range(len(ratios))
    ]
    return [
        block(key, number, base, base * exp(ratio), stage, control=copy)
        for number, (ratio, copy) in enumerate(zip(ratios, copies, strict=True))
    ]


def counts(
    key: str,
    *changes: float,
    base: float = 1e7,
    again: float = 0.0,
    failed: SideMeasurement | None = None,
) -> list[Block]:
    """Rounds of counts, in which HEAD executes so much more; one with ``failed`` on HEAD after.

    ``again`` is by how much both of the second round differ from those of the first.
    """
    rounds: list[tuple[SideMeasurement, SideMeasurement]] = []
    for number, change in enumerate(changes):
        moved = base * (1 + again * (number == 1))
        rounds.append((executed(moved), executed(moved * (1 + change))))
    if failed is not None:
        rounds.append((executed(base), failed))
    return [block(key, number, *both, "count") for number, both in enumerate(rounds)]


def executed(instructions: float) -> SideMeasurement:
    return SideMeasurement(status="ok", instructions=instructions)


def planned(seed: int = 1, budget_seconds: float = 60.0, **work: str) -> ComparisonRun:
    """A comparison that has measured nothing."""
    plan = comparison().plan
    plan = replace(plan, seed=seed, budget_seconds=budget_seconds, screen_blocks=0)
    return ComparisonRun(work={"what": "this", **work}, plan=plan)


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


class Repository:
    """A git repository in a folder of its own, with a package ``toy`` and a suite about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.git("init", "--quiet", "--template=", "--initial-branch", "main")
        self.git("config", "maintenance.auto", "false")  # half of what a commit takes
        self.write(".gitignore", "/results/gate/\n/html/\n__pycache__/\n")
        self.write("toy/__init__.py", COUNTED)
        self.write("benchmarks/__init__.py", "")
        self.write("benchmarks/suite.py", SUITE)
        self.write("asv.conf.json", '{"version": 1, "project": "toy", // a comment\n"repo": "."}')
        self.commit("first")

    def write(self, name: str, text: str) -> None:
        write(self.folder / name, text)

    def commit(self, tag: str, name: str = "", text: str = "") -> None:
        """Everything there is, with this file, under a tag, which may be another commit's."""
        if name:
            self.write(name, text)
        self.git("add", "--all")
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        self.git(*who, "commit", "--quiet", "--allow-empty", "--message", tag)
        self.git("tag", "--force", tag)

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout


def run(
    base: str = "first", head: str = "second", progress: Progress | None = None, **options: Any
) -> Comparison:
    """Compare in this process, with as few blocks as can be judged and without counts.

    What runs the same code on both sides is measured too.
    """
    defaults = {"results": Path("results"), "seed": 1, "count": "never", "always": True}
    options = {**defaults, **options}
    request = CompareRequest(base, head, **options)
    return compare(request, progress or (lambda *_: None), Rule(**FEWEST))


def rows(comparison: Comparison) -> dict[str, Row]:
    """The rows by the last part of their names, with their parameters."""
    return {
        " ".join([row.benchmark.split(".")[-1].rpartition("::")[2], *row.params]): row
        for row in comparison.rows
    }


class Interrupted(Exception):
    pass


def until(stop: str) -> Progress:
    """Run as far as this."""

    def report(_done: int, _total: int, message: str) -> None:
        if message == stop:
            raise Interrupted

    return report


def command(*arguments: str) -> list[str]:
    """`perceptron compare` with as few blocks as can be judged, as a process of its own."""
    return [sys.executable, few_blocks.__file__, "compare", *arguments]


def variables(folder: Path) -> dict[str, str]:
    """What programs are to be started with; their cache lies in the folder.

    They find no pympler, for which asv_runner would import NumPy: that is half of their start, and
    no benchmark here asks for the size of an object.
    """
    bare = folder / "without pympler"
    bare.mkdir(exist_ok=True)
    (bare / "pympler.py").write_text("raise ImportError\n")
    return {"XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": f"{bare}"}


def interpreter(file: Path, command: str, version: str = "") -> str:
    """A script that stands for an interpreter: it starts one, and may be taken for another."""
    version_line = (
        f"""[ "$1" != -I ] || exec echo '["/python", "{version}"]'\n""" if version else ""
    )
    file.write_text(f'#!/bin/sh\n{version_line}exec {command} "$@"\n')
    file.chmod(0o755)
    return str(file)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[], bytes]) -> bytes:
    """What is made once for all workers of this run of tests."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    kept = folder / name
    with FileLock(f"{kept}.lock"):
        if not kept.exists():
            kept.write_bytes(make())
        return kept.read_bytes()


def unwatch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have coverage leave out the processes that are started: it would double what they take."""
    for name in watching.PROCESSES:
        monkeypatch.delenv(name, raising=False)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Make a repository below the folder and stand in it; checkouts go to a cache beside it."""
    for name, value in variables(folder).items():
        monkeypatch.setenv(name, value)
    repository = Repository(folder / "repository")
    monkeypatch.chdir(repository.folder)
    return repository


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository to stand in."""
    unwatch(monkeypatch)
    return stand_in(tmp_path, monkeypatch)


@pytest.fixture
def old() -> str:
    """The oldest Python that there may be."""
    built = map(str, Path.home().glob(".pyenv/versions/3.9.*/bin/python"))
    for candidate in filter(None, [*built, shutil.which("python3.9")]):
        # pyenv's own shims are there for versions that are not.
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    pytest.skip("no Python 3.9 on this machine")
