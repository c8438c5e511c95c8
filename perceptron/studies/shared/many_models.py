"""Many models: what is compared along their number, and how far."""

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
    ("numpy-sequential", "numpy"),
    ("torch-cpu-sequential", "torch-cpu"),
    ("numpy-sequential", "processes"),
    ("numpy", "torch-cpu"),
    ("numpy", "torch-cpu-bmm"),
    ("numpy", "torch-cuda"),
)
"""Each batched way beside the sequential one, then the ways beside each other.

PyTorch's are two on the CPU: as its documentation writes ensembles, and the fastest.
"""

BESIDE = ("numpy-sequential",)
"""Backends that several models are also trained on, beside the usual ones."""

# What trains several models as so many single ones: one after the other, or in a pool of processes
# that each train by the last.
_ONE_BY_ONE, _POOL, _IN_POOL = "-sequential", "processes", "numpy"
# Single trainings take time in proportion to their number: beyond this nothing is to be seen but
# how long that is. For a quick look a few times the number from which on all at once is faster.
_MOST_SINGLE, _MOST_SINGLE_QUICKLY = 256, 16


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


def between(axis: SizeAxis, pair: Pair, quick: bool = False) -> tuple[int, int]:
    """Return between which sizes a pair is worth comparing along an axis."""
    low, high = axis.low, axis.high
    single = [name for name in pair if name.endswith(_ONE_BY_ONE) or name == _POOL]
    if axis.problem(low).axes != (MODELS,) or not single:
        return low, high
    of_one_model = {_IN_POOL if name == _POOL else name.removesuffix(_ONE_BY_ONE) for name in pair}
    if len(of_one_model) == 1:
        low = max(low, 2)  # one model is the same training on both
    most = _MOST_SINGLE_QUICKLY if quick else _MOST_SINGLE
    return low, min(high, max(low + 1, most))
