"""Blocks made up, and small repositories with an asv suite whose clock counts work."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from math import exp
from pathlib import Path

import pytest

from perceptron.records.block import Benchmark, Block, Reading, Stage
from perceptron.supervision import ChildProcess

# Of a rule, so that a run takes as few blocks as can be judged.
FEWEST = {
    "screen": 5,
    "fewest_screen": 5,
    "most_screen": 5,
    "fewest_confirmation": 5,
    "most_confirmation": 5,
}

# Work is counted, so that nothing here depends on how fast or busy the machine is.
COUNTED = """
DONE = 0.0

def work(amount):
    global DONE
    DONE += amount * 1e-6
    return sum(range(200))

def clock():
    return DONE
"""
FOUR = """
import toy

class Counted:
    timer = staticmethod(toy.clock)

    def time_one(self):
        toy.work({one})

    def time_two(self):
        toy.work(200)

    def time_three(self):
        toy.work(300)

    def time_four(self):
        toy.work(400)
"""


def benchmark(key: str) -> Benchmark:
    return Benchmark(name=key)


def blocks(
    key: str,
    ratios: Sequence[float],
    stage: Stage = "screen",
    control: Sequence[float] | None = None,
    base: float = 1e-3,
) -> list[Block]:
    """Blocks with these log-ratios."""

    def reading(ratio: float) -> Reading:
        value = base * exp(ratio)
        return Reading(status="ok", value=value, samples=[value] * 5)

    return [
        Block(
            stage=stage,
            number=number,
            benchmark=key,
            order=["base", "head"],
            sides={"base": "a", "head": "b"},
            base=reading(0.0),
            head=reading(ratio),
            control=None if control is None else reading(control[number]),
        )
        for number, ratio in enumerate(ratios)
    ]


def counts(
    key: str, *changes: float, base: float = 1e7, again: float = 0.0, failed: Reading | None = None
) -> list[Block]:
    """Rounds of counts, in which HEAD executes so much more; one with ``failed`` on HEAD after.

    ``again`` is by how much both of the second round differ from those of the first.
    """
    readings = [
        (moved, Reading(status="ok", instructions=moved * (1 + change)))
        for number, change in enumerate(changes)
        for moved in (base * (1 + again * (number == 1)),)
    ]
    if failed is not None:
        readings.append((base, failed))
    return [
        Block(
            stage="count",
            number=number,
            benchmark=key,
            order=["base", "head"],
            sides={"base": "a", "head": "b"},
            base=Reading(status="ok", instructions=instructions),
            head=head,
        )
        for number, (instructions, head) in enumerate(readings)
    ]


class Repository:
    """A git repository in a folder of its own, with a package ``toy`` and a suite about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch", "main")
        self.write("toy/__init__.py", COUNTED)
        self.write("benchmarks/__init__.py", "")
        self.write("benchmarks/suite.py", FOUR.format(one=100))
        self.write("asv.conf.json", '{"version": 1, "project": "toy", // a comment\n"repo": "."}')
        self.commit("first")

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, tag: str) -> None:
        """Everything there is, under a tag."""
        self.git("add", "--all")
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        self.git(*who, "commit", "--quiet", "--allow-empty", "--message", tag)
        self.git("tag", tag)

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout


# Coverage writes in a fraction of it, also on a busy machine.
_SECONDS_TO_WRITE = 3.0


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage sees the programs of this test; tracing all of them would double what they take.

    They are killed as soon as they have given their last answer. Coverage writes what it saw after
    that, so here they may leave by themselves.
    """
    end = ChildProcess.end

    def end_later(process: ChildProcess, patience_seconds: float = 0.0) -> None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_WRITE)
        end(process, patience_seconds)

    monkeypatch.setattr(ChildProcess, "end", end_later)


@pytest.fixture
def toy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Repository:
    """A repository to stand in; checkouts go to a cache folder beside it.

    Programs find no pympler, for which asv_runner would import NumPy: that is half of their start,
    and no benchmark here asks for the size of an object.
    """
    if "traced" not in request.fixturenames:
        for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bare = tmp_path / "without pympler"
    bare.mkdir()
    (bare / "pympler.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(bare))
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Repository(folder)
