"""What a study asks for and a worker process is sent, and what it answers: a line of JSON each."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from perceptron.errors import UserError, in_one_line
from perceptron.records.measurement import ExtraName, Timings
from perceptron.records.race import Count, RaceDType, Target

Step = Literal["start", "check", "measure"]


class Job(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """One row to measure: a problem on a backend, by one process.

    The processes of jobs that are equal but for ``repeat`` are the repeats of one measurement.
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
    """What its process does: import what the job needs; show that the backend agrees; or measure.

    Nothing is timed where agreement is shown: what a reference leaves in memory and thread pools
    must not disturb a sample.
    """
    shares_compiled: bool = False
    """Whether its process finds what other processes of the study have compiled.

    Its setup is then that of no cold start.
    """

    @property
    def subject(self) -> str:
        """What its process is at, in words: the problem."""
        return self.problem


class Time(Job, frozen=True, kw_only=True, tag="time"):
    """Time the training. Jobs of one backend, dtype, threads and ``repeat`` share a process."""

    samples: int = 5
    minimum_seconds: float
    """Of each sample."""
    iterations: int | None = None
    """Of each sample; as many as that takes by default."""
    share: float | None = None
    """Of the budget: where so many iterations would take more, fewer are timed."""
    most_seconds: float | None = None
    """Those of the share; who starts it tells."""
    lasts: bool = True
    """Whether its process stays: jobs of the same repeat may be asked for later."""


class Module(Time, frozen=True, kw_only=True, tag="module"):
    """Time steps of a PyTorch module of the user's: ``problem`` is the file that holds it."""


class Estimator(Time, frozen=True, kw_only=True, tag="estimator"):
    """Time scikit-learn's own ``fit`` of one of its estimators on the data of the problem."""

    estimator: str
    """Its class."""
    parameters: dict[str, Any]


class Call(Time, frozen=True, kw_only=True, tag="call"):
    """Time calls of a function: ``backend`` is its name, and ``problem`` ends with ``:16``.

    Of two sizes it ends with ``:16x4``.
    """

    axes: tuple[str, ...]
    """What its sizes count."""
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
    """As many are allowed."""
    check_iterations: Count
    """The test set is evaluated after so many, and after the last."""
    begun: float = 0.0
    """When its process was started, by the clock that all processes share; who starts it tells."""


class Extra(Job, frozen=True, kw_only=True, tag="extra"):
    """Measure what explains the training instead of it: `extras` has what that is.

    It has a process of its own, and a row for each part. Nothing has to agree with a reference.
    """

    extra: ExtraName
    samples: int
    minimum_seconds: float

    @property
    def subject(self) -> str:
        """What its process is at: one that hangs says nothing of the training."""
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
    """Which code a worker runs: it says so before it answers anything."""

    code: str | None
    """As `revision.measuring_code` tells it."""
    package: str
    """Where that lies."""


def timed(seen: Timings) -> dict[str, Any]:
    """Return times, or why there are none, as the fields of an `Outcome`, a `Part` or a row."""
    return {field: getattr(seen, field) for field in Timings.__struct_fields__}


class Outcome(Timings, frozen=True, kw_only=True):
    """What became of a job."""

    parts: tuple[Part, ...] = ()
    """Of an extra."""


def reason_of(error: BaseException) -> str:
    """Return why there is no time, in one line; what the suite itself says needs no type."""
    if isinstance(error, MemoryError):
        return "out of memory"
    return text_of(error) if isinstance(error, UserError) else in_one_line(error)


def text_of(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return " ".join(str(error).split())[:500]
