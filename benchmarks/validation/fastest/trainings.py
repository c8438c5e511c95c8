"""Random trainings over the sizes that people train: drawn, and measured on every backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from math import exp, log

import msgspec
import numpy as np
from msgspec import Struct

from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.problems import shape
from perceptron.problems.cost import operations
from perceptron.problems.problem import DType, Problem
from perceptron.problems.shape import Shape

# Sizes are drawn from their logarithms, both ends included.
_ROWS = (64, 20_000)
_FEATURES = (2, 784)
_WIDTH = (2, 1024)
_MOST_HIDDEN = 3
_MOST_CLASSES = 10
_BATCH = (8, 1024)
_EPOCHS = (5, 500)
_EPOCHS_OF_ALL_ROWS = (100, 10_000)
"""Where an epoch is one iteration."""
_ONE_OUTPUT, _ALL_ROWS, _ADAM, _SEVERAL = 0.3, 0.3, 0.5, 0.2
"""Shares of the shapes."""
_MODELS = (8, 256)
# Of several models, as people train them: none of them large.
_ROWS_OF_SEVERAL, _FEATURES_OF_SEVERAL, _WIDTH_OF_SEVERAL = (64, 2000), (2, 64), (2, 64)
# An iteration that would take longer is drawn again, at a rate that two cores reach easily.
_LONGEST_SECONDS = 0.3
_OPERATIONS_A_SECOND = 1e10


class Training(Struct, frozen=True, array_like=True):
    """A problem's reference, and for how many epochs it is trained."""

    reference: str
    epochs: int

    @property
    def problem(self) -> Problem:
        """The problem; data are not made yet."""
        return shape.find(self.reference)

    @property
    def iterations(self) -> int:
        """Iterations of the whole training."""
        return self.epochs * self.problem.iterations_per_epoch


def draw(count: int, seed: int) -> list[Training]:
    """Draw so many different trainings; the first of a longer list are those of a shorter one."""
    return list(islice(_all(np.random.default_rng(seed)), count))


def _all(random: np.random.Generator) -> Iterator[Training]:
    seen = set()
    while True:
        drawn = _shape(random)
        epochs = _between(random, _EPOCHS if drawn.batch else _EPOCHS_OF_ALL_ROWS)
        reference = drawn.reference
        seconds = operations(shape.find(reference)) / _OPERATIONS_A_SECOND
        if reference not in seen and seconds <= _LONGEST_SECONDS:
            seen.add(reference)
            yield Training(reference, epochs)


def _shape(random: np.random.Generator) -> Shape:
    several = random.random() < _SEVERAL
    rows = _between(random, _ROWS_OF_SEVERAL if several else _ROWS)
    features = _between(random, _FEATURES_OF_SEVERAL if several else _FEATURES)
    width = _WIDTH_OF_SEVERAL if several else _WIDTH
    hidden = tuple(_between(random, width) for _ in range(random.integers(_MOST_HIDDEN + 1)))
    one_output = random.random() < _ONE_OUTPUT
    classes = None if one_output else int(random.integers(2, _MOST_CLASSES + 1))
    all_rows = random.random() < _ALL_ROWS
    batch = None if all_rows else min(_between(random, _BATCH), rows)
    return Shape(
        rows,
        features,
        hidden,
        classes=classes,
        batch=batch,
        optimizer="adam" if random.random() < _ADAM else "sgd",
        models=_between(random, _MODELS) if several else 1,
    )


def _between(random: np.random.Generator, ends: tuple[int, int]) -> int:
    low, high = ends
    return round(exp(random.uniform(log(low), log(high))))


STUDY = "fastest"
AMONG = ("numpy", "torch-cpu", "torch-cpu-manual", "numba", "jax-cpu")
_FEWEST = 2
BUDGET_SECONDS = 1500.0
# Asked about on a machine that knows nothing: starting every backend for each takes all the time.
_MOST_COLD = 24


class FastestPlan(Struct, frozen=True, kw_only=True):
    """What to measure; equal plans are the same run.

    The ``trainings`` on ``backends`` in so many fresh ``processes`` each; `perceptron.fastest` is
    asked about the first ``asked``.
    """

    trainings: list[Training]
    asked: int = 0
    seed: int
    backends: list[str]
    dtype: DType = "float32"
    threads: int
    processes: int = 3

    @property
    def asked_cold(self) -> int:
        """How many of those are also asked about where nothing is known."""
        return min(self.asked, _MOST_COLD)

    def as_json(self) -> dict[str, object]:
        """Return the plan as a run keeps it: with what was drawn, which later code may draw not."""
        return {"study": STUDY, **msgspec.to_builtins(self), "asked_cold": self.asked_cold}


def plan(
    trainings: int = 72,
    asked: int = 72,
    seed: int = 1,
    backends: Sequence[str] = AMONG,
    threads: int = 0,
    processes: int = 3,
) -> FastestPlan:
    """Return a plan of so many trainings, those that follow ``seed``.

    Its backends are those of the named that can run here, its ``threads`` all cores that this
    process may use unless they are given. Raises `UserError` for fewer than two backends.
    """
    here = [name for name in backends if registry.reason_unavailable(name) is None]
    if len(here) < _FEWEST:
        raise UserError(
            f"fewer than two of {', '.join(backends)} can run here: see `perceptron backends`"
        )
    return FastestPlan(
        trainings=draw(trainings, seed),
        asked=asked,
        seed=seed,
        backends=here,
        threads=threads or usable_cores(),
        processes=processes,
    )
