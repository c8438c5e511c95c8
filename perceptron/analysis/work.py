"""What one iteration of a shape takes, counted, and what a backend was measured to take for it."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from statistics import median
from typing import Literal

from msgspec import Struct

# Structs here are written as arrays, without names: a cache of many is read within milliseconds.

NO_TIME = "takes too long to be measured in the time that was given"
NO_START = "did not start in the time that was given to measure it"
NO_WORD = "did not say in the time that was given whether it can run here"
GIVEN_UP = (NO_TIME, NO_START, NO_WORD)
"""Reasons of what was abandoned: with more time there may be a time."""
# What one process of a shape is off from another, as a standard deviation of the logarithm, and how
# many processes that is worth: two or three alone cannot tell how far they vary.
_SPREAD = 0.05
_WORTH = 4
# What all processes of one day share.
_COMMON = 0.02
_NORMAL = 1.96


class TrainingShape(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What is trained, as far as it decides the time: equal ones take equally long."""

    rows: int
    """Of the data set."""
    features: int
    hidden: tuple[int, ...] = ()
    outputs: int = 1
    batch: int | None = None
    """Rows of an iteration; None where it takes all of them."""
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    models: int = 1
    """Trained at once, an iteration being a step of each."""
    variant: str = ""
    """Loss and activations where they are others than those of a problem that the shape alone
    describes, or what else tells such a training apart; empty of what can be asked about."""

    @property
    def kind(self) -> str:
        """What is no matter of more or less: a backend may train one kind and refuse another."""
        rows = "all rows" if self.batch is None else "batches"
        return f"{self.optimizer}, {rows}, {'one model' if self.models == 1 else 'several models'}"


class Work(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A shape, and what one iteration of it takes: counted, and that of all models together."""

    shape: TrainingShape
    iterations_per_epoch: int
    operations: int
    bytes_moved: int
    """If nothing stays in a cache."""
    parameters: int
    activations: int
    """Values that the layers put out."""
    state_arrays: int
    """Arrays of the parameters' size that the optimizer keeps."""

    @property
    def layers(self) -> int:
        """Layers of one model."""
        return len(self.shape.hidden) + 1


class MeasuredWork(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What a backend took for a shape, with one dtype and number of threads; or why it did not.

    ``seconds`` are per iteration, with their interval over the processes that measured it.
    """

    work: Work
    backend: str
    device: str
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    prepare_seconds: float = 0.0
    """Allocating, copying to the device, compiling: once in a training."""
    when: str = ""
    """UTC, ISO 8601."""
    reason: str | None = None
    """Why there is no time, in one line; None if there is one."""
    refused: bool = False
    """Whether the backend trains no shape of this kind, and ``reason`` says why."""
    disturbed: bool = False
    """Whether threads waited for a core in all processes that a study measured."""


def of_processes(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Return the typical time of some processes and its interval of about 95 %.

    Raises ValueError without a time.
    """
    if not seconds:
        raise ValueError("no times of a process")
    logarithms = [log(one) for one in seconds]
    middle, count = median(logarithms), len(logarithms)
    apart = sum((one - middle) ** 2 for one in logarithms)
    variance = (_WORTH * _SPREAD**2 + apart) / (_WORTH + count - 1)
    reach = _NORMAL * sqrt(variance / count + _COMMON**2)
    return exp(middle), exp(middle - reach), exp(middle + reach)
