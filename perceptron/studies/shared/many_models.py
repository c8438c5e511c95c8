"""Many models at once: what is compared along their number, and how far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.problems.families import FAMILIES
from perceptron.problems.problem import Problem
from perceptron.records.ground import MODELS
from perceptron.studies.shared.axes import SizeAxis
from perceptron.studies.shared.over_processes import Pair

PAIRS: tuple[Pair, ...] = (
    ("numpy-one-by-one", "numpy"),
    ("torch-cpu-one-by-one", "torch-cpu"),
    ("numpy-one-by-one", "processes"),
    ("numpy", "torch-cpu"),
    ("numpy", "torch-cuda"),
)
"""Each way of training all at once beside doing so one by one, then the ways beside each other."""

BESIDE = ("numpy-one-by-one",)
"""What a question about several models compares the usual backends with."""

_ONE_BY_ONE, _POOL = "-one-by-one", "processes"
# Single trainings take time in proportion to their number: beyond this nothing is to be seen but
# how long that is.
_MOST_SINGLE = 256


def pairs_along_models(families: Iterable[str], files: Iterable[str]) -> tuple[Pair, ...]:
    """Return `PAIRS` where all these families and files vary the number of models, else none."""
    axes = [FAMILIES[name].axes for name in families if name in FAMILIES]
    axes += [catalogue.find_all(file)[0].axes for file in files]
    return PAIRS if axes and all(own == (MODELS,) for own in axes) else ()


def usual_for(problem: Problem, counts: Sequence[int] = ()) -> tuple[str, ...]:
    """Return the usual backends and `BESIDE` for several models; none for one.

    Raises `UserError` if several are to be trained over these counts of processes.
    """
    refuse_processes(problem, counts)
    return (*registry.DEFAULT, *BESIDE) if problem.models > 1 else ()


def refuse_processes(problem: Problem, counts: Sequence[int]) -> None:
    """Raise `UserError` for several models and counts of processes: no backend takes both."""
    if counts and problem.models > 1:
        raise UserError(
            f"--processes: no backend trains the {problem.models:,} models of {problem.name} over "
            "several processes together: leave it out"
        )


def highest(axis: SizeAxis, pair: Pair) -> int:
    """Return up to which size a pair is worth comparing along an axis."""
    if axis.problem(axis.low).axes != (MODELS,) or not any(map(_is_single, pair)):
        return axis.high
    return min(axis.high, max(axis.low + 1, _MOST_SINGLE))


def _is_single(backend: str) -> bool:
    """Return whether a backend trains several models as so many single ones."""
    return backend.endswith(_ONE_BY_ONE) or backend == _POOL
