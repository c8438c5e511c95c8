"""What the proof's runs compare: a repository with an asv suite, its base, and a head of each kind.

Digests of it say which runs belong together: text that is measured must stay as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from pathlib import Path

from perceptron.gate.checkout.revisions import git

# Bodies whose work is in units, and those that change in what no count sees. Two for each run: a
# fifth of the time of all, and a run still has another beside the one that is judged.
PAIRS = (
    ("training", "exponential"),
    ("python", "product"),
    ("dictionary", "sorting"),
    ("importing", "allocation"),
    ("gather", "waiting"),
)
EVERYTHING = tuple(name for pair in PAIRS for name in pair)
IN_UNITS = tuple(name for pair in PAIRS[:-1] for name in pair)


@dataclass(frozen=True)
class Kind:
    """What HEAD differs by from BASE, and what else runs meanwhile."""

    name: str
    summary: str
    share: float
    """How many of them there are, for each run of which both sides are the same."""
    replaced: tuple[str, str]
    """In the text of the bodies: what HEAD has instead of the first."""
    slower: tuple[str, ...] = ()
    """The bodies that HEAD makes slower, so that the gate is to call them so."""
    slightly: tuple[str, ...] = ()
    """The bodies that HEAD makes slower by too little for that: their work must be seen to rise."""
    faster: tuple[str, ...] = ()
    """The bodies that HEAD makes faster."""
    by: float | None = None
    """By how much, as head / base − 1, where it is known by construction."""
    work: bool = True
    """Whether the change is one of work, which counts see; else the clock alone can see it."""
    neighbour: bool = False

    @property
    def changed(self) -> tuple[str, ...]:
        """The bodies that HEAD changes; none where both sides are the same."""
        return (*self.slower, *self.slightly, *self.faster)

    def pair(self, number: int) -> tuple[str, ...]:
        """Return the two bodies that the run of this number measures."""
        changed = set(self.changed)
        pairs = [bodies for bodies in PAIRS if not changed or set(bodies) & changed]
        return pairs[number % len(pairs)]


def _units(number: int) -> tuple[str, str]:
    return "\nUNITS = 100\n", f"\nUNITS = {number}\n"


_COMMENT = ("\nUNITS = 100\n", "\n# A comment is all that changes.\nUNITS = 100\n")
_GATHER = "SPAN, STRIDE, PASSES = 2**20, 16_411, 1"
# In 200 runs each pair once with more work, each mistake once, each speed-up twice, and three times
# what no count sees. Runs in which something changed take two or three times as long as others.
_PAIRS, _MISTAKE, _FASTER, _TIME = 0.02, 0.005, 0.01, 0.015
KINDS = (
    Kind("same", "a comment", 0.8, _COMMENT),
    Kind("neighbour", "a comment, beside a busy process", 0.2, _COMMENT, neighbour=True),
    Kind("slower-1", "101 units for 100", _PAIRS, _units(101), slightly=IN_UNITS, by=0.01),
    Kind("slower-2", "102 units for 100", _PAIRS, _units(102), IN_UNITS, by=0.02),
    Kind("slower-3", "103 units for 100", _PAIRS, _units(103), IN_UNITS, by=0.03),
    Kind("slower-5", "105 units for 100", _PAIRS, _units(105), IN_UNITS, by=0.05),
    Kind(
        "slower-3-neighbour",
        "103 units for 100, beside a busy process",
        _PAIRS,
        _units(103),
        IN_UNITS,
        by=0.03,
        neighbour=True,
    ),
    Kind(
        "copy",
        "an extra copy of the inputs in each step",
        _MISTAKE,
        ("(INPUTS @ weights)", "(INPUTS.copy() @ weights)"),
        ("training",),
    ),
    Kind(
        "upcast",
        "weights made without a dtype, so that a step is float64",
        _MISTAKE,
        ("np.zeros((FEATURES, 1), dtype=np.float32)", "np.zeros((FEATURES, 1))"),
        ("training",),
    ),
    Kind(
        "scalar",
        "the loss as a Python number in each step",
        _MISTAKE,
        ("error = outputs - TARGETS", "error = outputs - TARGETS; (error**2).sum().item()"),
        ("training",),
    ),
    Kind(
        "cache",
        "the same values gathered from twice the memory",
        _TIME,
        (_GATHER, "SPAN, STRIDE, PASSES = 2**21, 16_411, 1"),
        ("gather",),
        work=False,
    ),
    Kind(
        "sleep",
        "a nap of 1 ms instead of 0.5 ms",
        _TIME,
        ("NAP = 0.0005", "NAP = 0.0010"),
        ("waiting",),
        work=False,
    ),
    Kind(
        "lock",
        "a lock that another thread holds for 0.5 ms",
        _TIME,
        ("            time.sleep(HELD)", "                time.sleep(HELD)"),
        ("waiting",),
        work=False,
    ),
    Kind(
        "vectorised",
        "NumPy instead of a loop: less work",
        _FASTER,
        ("for number in range(500):", "for number in [np.arange(500.0).sum()]:"),
        faster=("python",),
    ),
    Kind(
        "in-order",
        "values gathered in order, with more work",
        _FASTER,
        (_GATHER, "SPAN, STRIDE, PASSES = 2**20, 1, 3"),
        faster=("gather",),
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def wanted(runs: int) -> dict[str, int]:
    """Return how many of each kind belong to so many runs of equal sides, one at least."""
    return {kind.name: max(1, ceil(kind.share * runs - 1e-9)) for kind in KINDS}


def next_kind(done: Mapping[str, int], wanted: Mapping[str, int]) -> Kind | None:
    """Return the kind that lags behind most, so that a proof cut short is balanced.

    None when all is done. What was done for fewer runs counts for more.
    """
    left = {
        name: (done.get(name, 0) + 0.5) / count
        for name, count in wanted.items()
        if done.get(name, 0) < count
    }
    return BY_NAME[min(left, key=left.__getitem__)] if left else None


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
