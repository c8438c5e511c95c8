"""A repository made for the proof: an asv suite, its base, and a head of each kind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from benchmarks.validation.gate.runs.kinds import EVERYTHING, KINDS, Kind
from perceptron.gate.checkout.revisions import git

BASE = "base"
_BODIES = Path(__file__).with_name("bodies.py")
_SUITE = {"version": 1, "project": "work", "repo": ".", "benchmark_dir": "benchmarks"}
_WHO = ("-c", "user.name=perceptron proof", "-c", "user.email=proof@localhost")


def _benchmarks(bodies: str) -> str:
    """Return a module with one benchmark for each body, and its setup where there is one."""
    lines = ['"""One benchmark for each body."""', "", "from work import bodies"]
    for name in EVERYTHING:
        lines += ["", "", f"def time_{name}():", f"    bodies.{name}()"]
        if f"\ndef prepare_{name}(" in bodies:
            lines += ["", "", f"time_{name}.setup = bodies.prepare_{name}"]
    return "\n".join(lines) + "\n"


def sources(kind: Kind | None = None) -> dict[str, str]:
    """Return the files of the base, or of the head of a kind, by their path."""
    bodies = _BODIES.read_text(encoding="utf-8")
    benchmarks = _benchmarks(bodies)
    if kind is not None:
        old, new = kind.replaced
        if bodies.count(old) != 1:
            raise ValueError(f"{kind.name}: {old!r} is {bodies.count(old)} times in the bodies")
        bodies = bodies.replace(old, new)
    return {
        "asv.conf.json": json.dumps(_SUITE) + "\n",
        "benchmarks/__init__.py": "",
        "benchmarks/bodies.py": benchmarks,
        "work/__init__.py": "",
        "work/bodies.py": bodies,
    }


def digest() -> str:
    """Digest all that is measured: runs of another suite are no part of the same proof."""
    content = json.dumps([sources(), *(sources(kind) for kind in KINDS)])
    return sha256(content.encode()).hexdigest()[:12]


def make(folder: Path) -> None:
    """Make a repository with a branch for the base and one for each kind, in an empty folder.

    Raises `UserError` if git cannot be started, or the folder not be written to.
    """
    git(folder, "init", "--quiet", "--initial-branch", BASE)
    _commit(folder, None)
    for kind in KINDS:
        git(folder, "checkout", "--quiet", "-b", kind.name, BASE)
        _commit(folder, kind)


def expression(pair: Sequence[str]) -> str:
    """Return the regular expression that chooses these bodies' benchmarks."""
    return f"time_({'|'.join(pair)})$"


def body(benchmark: str) -> str:
    """Return the body that a benchmark measures."""
    return benchmark.rpartition("time_")[2]


def _commit(folder: Path, kind: Kind | None) -> None:
    for name, text in sources(kind).items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    message = "The base" if kind is None else kind.summary
    git(folder, *_WHO, "-c", "commit.gpgsign=false", "commit", "--quiet", "-m", message)
