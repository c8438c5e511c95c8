"""The arguments of `perceptron.fastest`, checked: a shape or a model, and its training."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any, Literal, NamedTuple, cast, get_args

from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.errors import UserError, unknown
from perceptron.machine import usable_cores
from perceptron.problems import shape
from perceptron.problems.optimizer import OptimizerName
from perceptron.problems.problem import DTYPES, DType, Problem
from perceptron.questions.fastest.cache import SKLEARN
from perceptron.questions.fastest.given import AsItIs, whole
from perceptron.questions.fastest.judge import AS_IT_IS, MODULES
from perceptron.questions.fastest.measured_shape import TrainingShape

Measure = Literal["cached", "now", "never"]


class OwnFit(NamedTuple):
    """The class and parameters from which a worker makes an estimator."""

    kind: str
    parameters: dict[str, Any]
    refusal: str | None
    """Why it cannot be timed; None if it can."""


class OfModel(NamedTuple):
    """The training of a model, as the suite describes it."""

    training: Problem | AsItIs
    dtype: DType
    epochs: int
    is_module: bool
    """Whether it is a PyTorch module, which only PyTorch can train."""
    note: str | None = None
    """How the training differs from the model's, or why a module is trained as it is."""
    own_fit: OwnFit | None = None
    """The estimator whose fit is timed; None for a module."""


@dataclass(frozen=True)
class Question:
    """One call of `perceptron.fastest`, with everything in it checked."""

    shape: TrainingShape
    epochs: int
    iterations: int
    """Iterations of the whole training, in all epochs."""
    among: tuple[str, ...]
    measure: Measure
    seconds: float
    dtype: DType
    threads: int
    own: Problem | AsItIs | None = None
    """The training, if its shape alone does not describe it."""
    able: tuple[str, ...] | None = None
    """Backends that can train the PyTorch module, of which the answer is one; None for all."""
    own_fit: OwnFit | None = None
    """The estimator whose fit is timed; None without one."""

    @property
    def name(self) -> str:
        """The reference of the shape if it describes the training, else ``model``."""
        return "model" if self.own else reference_of(self.shape)

    @property
    def problem(self) -> Problem:
        """The training, of dense layers."""
        assert not isinstance(self.own, AsItIs), "a module as it is has no problem"
        return self.own or shape.find(reference_of(self.shape))


def question(
    rows: int,
    features: int,
    hidden: Sequence[int],
    classes: int | None,
    batch: int | None,
    optimizer: OptimizerName,
    models: int,
    dtype: DType,
    **usual: Any,
) -> Question:
    """Return the question about a shape; raise `UserError` naming a wrong argument.

    ``usual`` are the arguments that models share, as checked by `check_usual`.
    """
    if isinstance(hidden, str) or not isinstance(hidden, Iterable):
        raise UserError(f"hidden: {hidden!r} is no sequence of widths, such as (64, 32)")
    _check_word("optimizer", optimizer, get_args(OptimizerName))
    training = TrainingShape(
        rows=whole("rows", rows),
        features=whole("features", features),
        hidden=tuple(whole("hidden", width) for width in hidden),
        outputs=1 if classes is None else whole("classes", classes, least=2),
        batch=None if batch is None else whole("batch", batch),
        optimizer=optimizer,
        models=whole("models", models),
    )
    return _question(training, iterations_per_epoch(training), dtype, **usual)


def question_of(
    model: OfModel, dtype: DType, among: Sequence[str] | None, **usual: Any
) -> Question:
    """Return the question about a model's training; raises as `question` does."""
    beside = (SKLEARN,) if model.own_fit else ()
    if among is None and beside:
        among = (*beside, *registry.usual())
    training = model.training
    able: tuple[str, ...] | None = MODULES if model.is_module else None
    if isinstance(training, AsItIs):
        described, per_epoch, able = training.shape, training.data.iterations_per_epoch, AS_IT_IS
        if dtype != model.dtype:
            raise UserError("dtype: a module is trained as it is: leave dtype out")
    else:
        described, per_epoch = shape_of(training), training.iterations_per_epoch
    made = _question(described, per_epoch, dtype, among=among, beside=beside, **usual)
    if able and not set(made.among).intersection(able):
        raise UserError(f"among: a module is trained by {', '.join(able)}: name one of them too")
    is_usual = not described.variant and described.optimizer in get_args(OptimizerName)
    own_or_none = None if is_usual else training
    return dataclasses.replace(made, own=own_or_none, able=able, own_fit=model.own_fit)


def _question(
    described: TrainingShape,
    per_epoch: int,
    dtype: DType,
    epochs: int,
    among: Sequence[str] | None,
    measure: Measure,
    seconds: float,
    threads: int | None,
    beside: Sequence[str] = (),
) -> Question:
    times = whole("epochs", epochs)
    return Question(
        shape=described,
        epochs=times,
        iterations=times * per_epoch,
        among=_backends(among, beside),
        measure=measure,
        seconds=float(seconds),
        dtype=dtype,
        threads=usable_cores() if threads is None else whole("threads", threads),
    )


def check_usual(
    dtype: object,
    epochs: object,
    among: Any,
    measure: object,
    seconds: object,
    threads: object,
) -> None:
    """Check the arguments that shapes and models share; raise `UserError` naming a wrong one.

    None stands for a default. Call it before a model is read, which may run the user's code.
    """
    _check_word("measure", measure, get_args(Measure))
    if dtype is not None:
        _check_word("dtype", dtype, DTYPES)
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not (is_number and isfinite(cast("float", seconds)) and cast("float", seconds) > 0):
        raise UserError(f"seconds: {seconds!r} is no time above 0, such as 5.0")
    for name, value in {"epochs": epochs, "threads": threads}.items():
        if value is not None:
            whole(name, value)
    _backends(among, (SKLEARN,))


def _check_word(name: str, value: object, choices: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise unknown(name, str(value), choices)


def _backends(among: Sequence[str] | None, beside: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the candidates: backends, or names that are allowed ``beside`` them."""
    if among is None:
        return registry.usual()
    is_sequence = isinstance(among, Iterable) and not isinstance(among, str)
    names = list(among) if is_sequence else []
    if not names or not all(isinstance(name, str) for name in names):
        raise UserError(f"among: {among!r} is no sequence of backends, such as ('numpy', 'numba')")
    for name in names:
        # Listing the installed backends takes longer than the answer may.
        if name not in (*registry.BUILT_IN, *beside) and not registry.is_name(name):
            raise unknown("backend", name, [*beside, *registry.names()])
    return tuple(dict.fromkeys(names))


@lru_cache(maxsize=1024)
def iterations_per_epoch(described: TrainingShape) -> int:
    """Return the iterations of an epoch; raise `UserError` for an impossible shape."""
    return shape.find(reference_of(described)).iterations_per_epoch


def shape_of(problem: Problem) -> TrainingShape:
    """Return the shape of a training, its ``variant`` as `variant_of` names it."""
    described = TrainingShape(
        rows=problem.dataset.rows,
        features=problem.dataset.features,
        hidden=problem.hidden,
        outputs=problem.outputs,
        batch=problem.batch,
        optimizer=problem.optimizer.kind,
        models=problem.models,
        feed=problem.feed,
    )
    return replace(described, variant=variant_of(problem, described))


def variant_of(problem: Problem, described: TrainingShape) -> str:
    """Return loss and activations if they differ from those of the shape alone, else ``""``."""
    usual = shape.find(reference_of(described))
    functions, usual_functions = (
        (side.loss, *(layer.activation for layer in side.layers)) for side in (problem, usual)
    )
    return "" if functions == usual_functions else ", ".join(functions)


@lru_cache(maxsize=1024)
def reference_of(described: TrainingShape) -> str:
    """Return the reference of a shape alone; raise `UserError` for an impossible shape."""
    made = shape.Shape(
        described.rows,
        described.features,
        described.hidden,
        classes=None if described.outputs == 1 else described.outputs,
        batch=described.batch,
        optimizer=cast("OptimizerName", described.optimizer.partition(" ")[0]),
        feed=described.feed,
        models=described.models,
    )
    return made.reference
