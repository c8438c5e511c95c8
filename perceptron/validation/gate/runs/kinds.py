"""The kinds of runs that the proof is made of, and which one is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

# Benchmarks of the suite, two for each run: half the time of all four, and a run still has another
# beside the one that is judged.
PAIRS = (("training", "exponential"), ("python", "product"))
EVERYTHING = tuple(name for pair in PAIRS for name in pair)


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
    """The bodies that HEAD makes slower."""
    by: float | None = None
    """By how much, as head / base − 1, where it is known by construction."""
    neighbour: bool = False

    def pair(self, number: int) -> tuple[str, ...]:
        """Return the two bodies that the run of this number measures."""
        pairs = [bodies for bodies in PAIRS if not self.slower or set(bodies) & set(self.slower)]
        return pairs[number % len(pairs)]


_UNITS = "\nUNITS = 20\n"
_COMMENT = (_UNITS, "\n# A comment is all that changes.\nUNITS = 20\n")
KINDS = (
    Kind("same", "a comment", 0.8, _COMMENT),
    Kind("neighbour", "a comment, beside a busy process", 0.2, _COMMENT, neighbour=True),
    Kind("slower-5", "21 units for 20", 0.05, (_UNITS, "\nUNITS = 21\n"), EVERYTHING, 0.05),
    Kind("slower-10", "22 units for 20", 0.05, (_UNITS, "\nUNITS = 22\n"), EVERYTHING, 0.10),
    Kind(
        "copy",
        "an extra copy of the inputs in each step",
        0.025,
        ("(INPUTS @ weights)", "(INPUTS.copy() @ weights)"),
        ("training",),
    ),
    Kind(
        "upcast",
        "weights made without a dtype, so that a step is float64",
        0.025,
        ("np.zeros((FEATURES, 1), dtype=np.float32)", "np.zeros((FEATURES, 1))"),
        ("training",),
    ),
    Kind(
        "scalar",
        "the loss as a Python number in each step",
        0.025,
        ("error = outputs - TARGETS", "error = outputs - TARGETS; (error**2).sum().item()"),
        ("training",),
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def wanted(runs: int, only: Sequence[str] = ()) -> dict[str, int]:
    """Return how many of each kind belong to so many runs of equal sides, one at least.

    Of kinds that are named, ``runs`` of each and nothing else.
    """
    if only:
        return dict.fromkeys(only, runs)
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
