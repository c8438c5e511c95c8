"""Jobs, which a study sends to worker processes, and their outcomes: a line of JSON each."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from perceptron.errors import UserError, in_one_line
from perceptron.records.measurement import ExtraName, Timings
from perceptron.records.race import Count, RaceDType, Target

Step = Literal["start", "check", "measure"]


class Job(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """One row to measure: a problem on a backend, by one process.

    Jobs that differ in ``repeat`` alone are the repeats of one measurement.
    """

    problem: str
    """A reference, by which `problems.catalogue.find` finds it in the other process."""
    backend: str
    dtype: RaceDType | None
    """None of functions: they compute in whatever their data have."""
    threads: int
    """Of all processes that train together."""
    repeat: int = 0
    step: Step = "measure"
    """The task of its process: import the libraries; check that the backend agrees; or measure.

    Nothing is timed in a process that checks: the memory and thread pools of the reference must not
    disturb a sample.
    """
    shares_compiled: bool = False
    """Whether its process finds what other processes of the study have compiled.

    Its setup is then that of no cold start.
    """

    @property
    def subject(self) -> str:
        """The text of messages for the work of its process: the problem."""
        return self.problem


class Time(Job, frozen=True, kw_only=True, tag="time"):
    """Time the training. Jobs of one backend, dtype, threads and ``repeat`` share a process."""

    samples: int = 5
    minimum_seconds: float
    """Of each sample."""
    iterations: int | None = None
    """Of each sample; by default as many as ``minimum_seconds`` take."""
    share: float | None = None
    """Of the budget: where ``iterations`` would take more, fewer are timed."""
    most_seconds: float | None = None
    """The seconds of ``share``; set when the job starts."""
    lasts: bool = True
    """Whether its process stays for later jobs of the same repeat."""


class Module(Time, frozen=True, kw_only=True, tag="module"):
    """Time steps of a PyTorch module of the user's: ``problem`` is the file that holds it."""


class Estimator(Time, frozen=True, kw_only=True, tag="estimator"):
    """Time ``fit`` of an estimator of scikit-learn on the data of the problem."""

    estimator: str
    """Its class."""
    parameters: dict[str, Any]


class Call(Time, frozen=True, kw_only=True, tag="call"):
    """Time calls of a function: ``backend`` is its name, and ``problem`` ends with ``:16``.

    Of two sizes it ends with ``:16x4``.
    """

    axes: tuple[str, ...]
    """The names of its sizes."""
    functions: str
    """The file that it is in, as `functions.load` takes it."""
    digest: str
    """Of that file."""
    reference: str | None = None
    """The function whose results all others must have; None where nothing is compared."""


class Race(Job, frozen=True, kw_only=True, tag="race"):
    """Train until a target is reached, then once more; ``repeat`` is the seed."""

    target: Target
    epochs: Count
    """The most that are allowed."""
    check_iterations: Count
    """The test set is evaluated every ``check_iterations``, and after the last."""
    begun: float = 0.0
    """The start of its process, by the clock that all processes share; set when it starts."""


class Extra(Job, frozen=True, kw_only=True, tag="extra"):
    """Measure an explanation of the training, see `extras`.

    It has its process alone, and a row for each part. Nothing has to agree with a reference.
    """

    extra: ExtraName
    samples: int
    minimum_seconds: float

    @property
    def subject(self) -> str:
        """The text of messages; a hang of an extra is not one of the training."""
        return f"{self.extra} of {self.problem}"


AnyJob = Time | Module | Estimator | Call | Race | Extra


class Part(Timings, frozen=True, kw_only=True):
    """One piece of an extra: how much ``work`` it is, and its times."""

    name: str
    work: float
    seconds: float
    bytes_moved: float | None = None
    """Of a kernel."""


class Running(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code that a worker runs, sent before its first answer."""

    code: str | None
    """The `revision.measuring_code`."""
    package: str
    """The folder of that code."""


def timed(seen: Timings) -> dict[str, Any]:
    """Return times, or the reason for none, as the fields of an `Outcome`, a `Part` or a row."""
    return {field: getattr(seen, field) for field in Timings.__struct_fields__}


class Outcome(Timings, frozen=True, kw_only=True):
    """The outcome of a job."""

    parts: tuple[Part, ...] = ()
    """Of an extra."""


def reason_of(error: BaseException) -> str:
    """Return an error as the reason of a row, in one line; without the type of a `UserError`."""
    if isinstance(error, MemoryError):
        return "out of memory"
    return text_of(error) if isinstance(error, UserError) else in_one_line(error)


def text_of(error: BaseException) -> str:
    """Return the message of an error in one line of at most 500 characters."""
    return " ".join(str(error).split())[:500]
