"""What a program asks: a shape, and the training of it that is to be fast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from operator import index
from typing import Literal, get_args

from perceptron.analysis.work import TrainingShape, Work
from perceptron.backends import registry
from perceptron.errors import UserError, unknown
from perceptron.machine import usable_cores
from perceptron.problems import cost, shape
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import DTYPES, DType, Problem

Measure = Literal["cached", "now", "never"]


@dataclass(frozen=True)
class Question:
    """One call of `perceptron.fastest`, with everything in it checked."""

    work: Work
    iterations: int
    """Of the whole training."""
    among: tuple[str, ...]
    measure: Measure
    seconds: float
    dtype: DType
    threads: int

    @property
    def reference(self) -> str:
        """What finds the problem in another process."""
        return reference_of(self.work.shape)


def question(
    rows: int,
    features: int,
    hidden: Sequence[int],
    classes: int | None,
    batch: int | None,
    optimizer: OptimizerName,
    epochs: int,
    models: int,
    among: Sequence[str] | None,
    measure: Measure,
    seconds: float,
    dtype: DType,
    threads: int | None,
) -> Question:
    """Check what was asked; raise `UserError` that names the argument."""
    if isinstance(hidden, str) or not isinstance(hidden, Iterable):
        raise UserError(f"hidden: {hidden!r} is no sequence of widths, such as (64, 32)")
    _check_word("optimizer", optimizer, get_args(OptimizerName))
    _check_word("measure", measure, get_args(Measure))
    _check_word("dtype", dtype, DTYPES)
    asked = TrainingShape(
        rows=_whole("rows", rows),
        features=_whole("features", features),
        hidden=tuple(_whole("hidden", width) for width in hidden),
        outputs=1 if classes is None else _whole("classes", classes, least=2),
        batch=None if batch is None else _whole("batch", batch),
        optimizer=optimizer,
        models=_whole("models", models),
    )
    work = work_of(asked, dtype)
    if not (isinstance(seconds, int | float) and isfinite(seconds) and seconds > 0):
        raise UserError(f"seconds: {seconds!r} is no time above 0, such as 5.0")
    return Question(
        work=work,
        iterations=_whole("epochs", epochs) * work.iterations_per_epoch,
        among=_backends(among),
        measure=measure,
        seconds=float(seconds),
        dtype=dtype,
        threads=usable_cores() if threads is None else _whole("threads", threads),
    )


def _whole(name: str, value: int, least: int = 1) -> int:
    """Return a whole number, of NumPy's kind too."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise UserError(f"{name}: {value!r} is no whole number from {least} up")
    return number


def _check_word(name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise unknown(name, str(value), known)


def _backends(among: Sequence[str] | None) -> tuple[str, ...]:
    if among is None:
        return registry.DEFAULT
    is_sequence = isinstance(among, Iterable) and not isinstance(among, str)
    names = list(among) if is_sequence else []
    if not names or not all(isinstance(name, str) for name in names):
        raise UserError(f"among: {among!r} is no sequence of backends, such as ('numpy', 'numba')")
    for name in names:
        # Asking which others are installed takes longer than the answer may.
        if name not in registry.BUILT_IN and not registry.is_name(name):
            raise unknown("backend", name, registry.names())
    return tuple(dict.fromkeys(names))


@lru_cache(maxsize=1024)
def work_of(asked: TrainingShape, dtype: DType) -> Work:
    """Count what an iteration of this shape takes; raise `UserError` for one that cannot be."""
    problem = shape.find(reference_of(asked))
    return Work(
        shape=asked,
        iterations_per_epoch=problem.iterations_per_epoch,
        operations=cost.operations(problem),
        bytes_moved=cost.bytes_moved(problem, dtype),
        parameters=cost.parameter_count(problem),
        activations=_activations(problem),
        state_arrays=problem.optimizer.state_arrays,
    )


def _activations(problem: Problem) -> int:
    return problem.models * problem.step_rows * sum(problem.widths[1:])


def reference_of(asked: TrainingShape) -> str:
    """Return the reference of a shape; raise `UserError` for one that cannot be."""
    made = shape.Shape(
        asked.rows,
        asked.features,
        asked.hidden,
        classes=None if asked.outputs == 1 else asked.outputs,
        batch=asked.batch,
        optimizer=asked.optimizer,
    )
    return made.reference + (f":{asked.models}m" if asked.models > 1 else "")
