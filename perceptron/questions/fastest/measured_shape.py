"""The measured time of a backend on a shape."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import inf, log, sqrt
from statistics import median
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from perceptron.problems.problem import DTYPES, DType
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.records.validity import LONGEST_SECONDS, SHORTEST_STEP
from perceptron.statistics.contention import lost_by_waiting

# Structs here are written as arrays, without names: a cache of many is read within milliseconds.

NO_TIME = "takes too long to be measured in the time that was given"
NO_START = "did not start in the time that was given to measure it"
NO_WORD = "did not answer in time whether it can run here"
NO_ANSWER = "the process that was asked whether it can run here did not answer"
GIVEN_UP = (NO_TIME, NO_START, NO_WORD)
"""Reasons of abandoned measurements, which more time may complete."""
NOT_ASKED = "it was not asked yet whether it can run here, which takes a process"
UNASKED = (NOT_ASKED, NO_ANSWER)
"""Reasons of backends of which it is unknown whether they can run here."""
NOT_STARTED = (NO_START, NO_WORD, NO_ANSWER)
"""Reasons of processes that did not start: the machine was busy, whatever the training."""
CONTENDED = "contended: threads waited for cores"
# Prior of the spread between processes of a shape: standard deviation of the logarithm, and its
# weight in processes. Two or three processes alone cannot show how far they vary.
_SPREAD = 0.05
_WORTH = 4
# Standard deviation that all processes of one day share.
_COMMON = 0.02
# Least number of processes that shows a spread.
_SEVERAL = 2
# A setup compiled for later ones if one with no less data took this many times less.
_COMPILED = 10.0
# Another program may have written the cache: bounds keep its numbers within floats.
_Size = Annotated[int, Meta(ge=1, le=2**53)]


class TrainingShape(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The properties of a training that decide its time: equal shapes take equally long."""

    rows: _Size
    """Rows of the data set."""
    features: _Size
    hidden: tuple[_Size, ...] = ()
    outputs: _Size = 1
    batch: _Size | None = None
    """Rows of an iteration; None for all rows."""
    optimizer: str = "sgd"
    """``sgd``, ``adam`` or ``adamw``, with the parts that cost time, as in ``sgd momentum``."""
    models: _Size = 1
    """Models; an iteration is a step of each."""
    variant: str = ""
    """Loss and activations if they differ from those of the problem that the shape describes, or
    another mark of a different training; else empty."""
    feed: Literal["resident", "host"] = "resident"


class Repeat(Struct, frozen=True, array_like=True, gc=False):
    """The times of one process that trains a shape on a backend."""

    number: Annotated[int, Meta(ge=0, le=2**53)]
    """Repeats of equal number, measured `together`, are paired."""
    seconds: Annotated[float, Meta(ge=SHORTEST_STEP, le=LONGEST_SECONDS)]
    """Seconds of an iteration."""
    setup_seconds: Annotated[float, Meta(ge=0, le=LONGEST_SECONDS)] = 0.0
    """Seconds to allocate, copy to the device and compile, once in a training."""
    waited: Annotated[float, Meta(ge=0, le=2**53)] | None = None
    """The share of the time that its threads waited for cores."""


class MeasuredShape(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """The times of a backend on a shape, and the conditions of the measurement."""

    shape: TrainingShape
    backend: str
    device: str
    dtype: DType
    threads: int
    repeats: Annotated[tuple[Repeat, ...], Meta(min_length=1)]
    together: str
    """The run or call that measured it, and of which problem: repeats with equal values were
    measured side by side."""
    session: str = ""
    """Start of that run or call: UTC, ISO 8601."""
    code: str | None = None
    """Digest of the code that measured; None if unknown."""
    environment: str = ""
    """Digest of the environment of the run that it was read from; empty if `fastest` measured it:
    its repeats are shorter than those of a study."""
    when: str = ""
    """UTC, ISO 8601."""
    libraries: dict[str, str] = {}
    """Versions of the libraries that the backend uses."""
    origin: str = ""
    """The folder of the run that it was read from; empty if `fastest` measured it."""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for rows of one training on a backend, of any run."""
        return (self.backend, self.dtype, self.threads, self.shape)

    def joins(self, other: MeasuredShape) -> bool:
        """Return whether two rows of a key may be judged together: only their runs differ."""
        conditions = [(row.libraries, row.code, row.environment) for row in (self, other)]
        return self == other or (self.code is not None and conditions[0] == conditions[1])

    @property
    def is_contended(self) -> bool:
        """Whether threads waited in all of its repeats, or in all but one of several."""
        waited = sum(
            repeat.waited is not None
            and lost_by_waiting(repeat.waited, self.threads, 1, self.device) > 0
            for repeat in self.repeats
        )
        return waited > 0 and len(self.repeats) - waited < _SEVERAL

    def trainings(self, iterations: int) -> list[Measurement]:
        """Return a row for each repeat with the seconds of a training of ``iterations``."""
        return [
            Measurement(
                source="perceptron",
                machine="",
                when=self.when,
                family="",
                size=self.shape.rows,
                backend=self.backend,
                device=self.device,
                dtype=self.dtype,
                threads=self.threads,
                repeat=repeat.number,
                seconds=repeat.setup_seconds + iterations * repeat.seconds,
                waited=repeat.waited,
            )
            for repeat in self.repeats
        ]


def measured_shape(
    shape: TrainingShape,
    backend: str,
    rows: Sequence[Measurement],
    *,
    together: str,
    session: str,
    code: str | None,
) -> MeasuredShape:
    """Return the times of a shape on a backend; each row has a time, a dtype and threads.

    The last row of a repeat counts.
    """
    last = rows[-1]
    dtype = next(name for name in DTYPES if name == last.dtype)
    repeats = {
        row.repeat: Repeat(row.repeat, row.seconds or 0.0, row.prepare_seconds or 0.0, row.waited)
        for row in rows
    }
    return MeasuredShape(
        shape=shape,
        backend=backend,
        device=last.device or "unknown",
        dtype=dtype,
        threads=last.threads or 1,
        repeats=tuple(repeats.values()),
        together=together,
        session=session,
        code=code,
        when=max(row.when for row in rows),
    )


def with_separate_setups(
    rows: Iterable[Measurement], compilers: Collection[str]
) -> list[Measurement]:
    """Return the rows, each with the setup seconds of a training in a process of its own.

    A process that trains several problems may compile code for the first that the others reuse, as
    Numba does, so the seconds of compiling are added to the others. ``rows`` are in the order of
    measurement, and ``compilers`` are the backends whose setup compiles.
    """
    rows = list(rows)
    compiled = [
        at for at, row in enumerate(rows) if row.backend in compilers and row.prepare_seconds
    ]
    for process_rows in grouped(compiled, lambda at: _process(rows[at])).values():
        once = 0.0
        for turn, at in enumerate(process_rows, start=1):
            setup = rows[at].prepare_seconds or 0.0
            others = (_setup_of_as_much(rows[at], rows[other]) for other in process_rows[turn:])
            later = min(others, default=inf)
            if setup > max(_COMPILED * later, once / 2):
                once = max(once, setup - later)
            else:
                rows[at] = replace(rows[at], prepare_seconds=setup + once)
    return rows


def _process(row: Measurement) -> tuple[object, ...]:
    """Return the key of rows of one process, in which a setup may compile for later ones."""
    return (row.backend, row.repeat, row.dtype, row.threads, row.all_models > 1)


def _setup_of_as_much(row: Measurement, other: Measurement) -> float:
    """Return the seconds of another row's setup, scaled up to the row's data if it has less."""
    data, others = (
        (side.rows or 1) * (side.features or 1) * side.all_models for side in (row, other)
    )
    return (other.prepare_seconds or 0.0) * max(1.0, data / others)


def of_processes(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the logarithm of the median seconds of processes, and its standard error.

    Raises ValueError if there are no seconds, or if any are not above 0.
    """
    if not seconds:
        raise ValueError("no times of a process")
    logarithms = [log(value) for value in seconds]
    middle, count = median(logarithms), len(logarithms)
    apart = sum((value - middle) ** 2 for value in logarithms)
    variance = (_WORTH * _SPREAD**2 + apart) / (_WORTH + count - 1)
    return middle, sqrt(variance / count + _COMMON**2)
