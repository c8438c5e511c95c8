"""Blocks made up, and small repositories with an asv suite."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from math import exp
from pathlib import Path

import pytest

from perceptron.records.block import Benchmark, Block, Reading, Stage

MakeBlocks = Callable[..., list[Block]]

PACKAGE = """
def work(count):
    total = 0
    for number in range(count):
        total += number * number
    return total
"""
SUITE = """
import toy

def time_first():
    toy.work(1000)
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

    def taken(ratio: float) -> Reading:
        value = base * exp(ratio)
        return Reading(status="ok", value=value, samples=[value] * 5)

    return [
        Block(
            stage=stage,
            number=number,
            benchmark=key,
            order=["base", "head"],
            sides={"base": "a", "head": "b"},
            base=taken(0.0),
            head=taken(ratio),
            control=None if control is None else taken(control[number]),
        )
        for number, ratio in enumerate(ratios)
    ]


class Repository:
    """A git repository in a folder of its own, with a package ``toy`` and a suite about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch", "main")
        self.write("toy/__init__.py", PACKAGE)
        self.write("benchmarks/__init__.py", "")
        self.write("benchmarks/suite.py", SUITE)
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


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository to stand in; checkouts go to a cache folder beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Repository(folder)
