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
    """The reference by which `problems.catalogue.find` finds the problem in the worker."""
    backend: str
    dtype: RaceDType | None
    """The dtype; None for functions, which compute in the dtype of their data."""
    threads: int
    """Threads of all processes that train together."""
    repeat: int = 0
    step: Step = "measure"
    """The task of its process: import the libraries, check that the backend agrees, or measure.

    Nothing is timed in a process that checks: the memory and thread pools of the reference must not
    disturb a sample.
    """
    shares_compiled: bool = False
    """Whether its process may use code that other processes of the study have compiled.

    Its setup is then not that of a cold start.
    """

    @property
    def subject(self) -> str:
        """The name of the job's work in messages: the problem."""
        return self.problem


class Time(Job, frozen=True, kw_only=True, tag="time"):
    """Time the training. Jobs of one backend, dtype, threads and ``repeat`` share a process."""

    samples: int = 5
    minimum_seconds: float
    """The least seconds of each sample."""
    iterations: int | None = None
    """Iterations of each sample; None takes ``minimum_seconds``."""
    share: float | None = None
    """The largest share of the budget: if ``iterations`` would take more, fewer are timed."""
    most_seconds: float | None = None
    """The seconds of ``share``; set when the job starts."""
    lasts: bool = True
    """Whether its process stays for later jobs of the same repeat."""


class Module(Time, frozen=True, kw_only=True, tag="module"):
    """Time steps of a user's PyTorch module; ``problem`` is the file that holds it."""


class Estimator(Time, frozen=True, kw_only=True, tag="estimator"):
    """Time ``fit`` of an estimator of scikit-learn on the data of the problem."""

    estimator: str
    """The name of the estimator's class."""
    parameters: dict[str, Any]


class Call(Time, frozen=True, kw_only=True, tag="call"):
    """Time calls of a function: ``backend`` is its name, and ``problem`` ends with its size.

    That is ``:16``, or ``:16x4`` for two sizes.
    """

    axes: tuple[str, ...]
    """The names of the axes of its sizes."""
    functions: str
    """The file of the function, for `functions.load`."""
    digest: str
    """The digest of the file ``functions``."""
    reference: str | None = None
    """The function whose results all others must return; None if nothing is compared."""


class Race(Job, frozen=True, kw_only=True, tag="race"):
    """Train until a target is reached, then once more; ``repeat`` is the seed."""

    target: Target
    epochs: Count
    """The most epochs of a training."""
    check_iterations: Count
    """Iterations between two evaluations of the test set; the last is followed by one, too."""
    begun: float = 0.0
    """The start of its process by `time.monotonic`, which processes share; set when it starts."""


class Extra(Job, frozen=True, kw_only=True, tag="extra"):
    """Measure an explanation of the training, see `extras`.

    It has a process of its own, and a row for each part. No agreement is checked.
    """

    extra: ExtraName
    samples: int
    minimum_seconds: float

    @property
    def subject(self) -> str:
        """The name of the extra in messages; its hang is not a hang of the training."""
        return f"{self.extra} of {self.problem}"


AnyJob = Time | Module | Estimator | Call | Race | Extra


class Part(Timings, frozen=True, kw_only=True):
    """A part of an extra: its ``work`` and its times."""

    name: str
    work: float
    seconds: float
    bytes_moved: float | None = None
    """Bytes that a kernel reads and writes."""


class Running(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code that a worker runs, sent before its first answer."""

    code: str | None
    """The digest of the worker's code, see `revision.measuring_code`."""
    package: str
    """The folder of that code."""


def timed(times: Timings) -> dict[str, Any]:
    """Return times, or the reason for none, as fields of an `Outcome`, a `Part` or a row."""
    return {field: getattr(times, field) for field in Timings.__struct_fields__}


class Outcome(Timings, frozen=True, kw_only=True):
    """The outcome of a job."""

    parts: tuple[Part, ...] = ()
    """The parts of an extra."""


def reason_of(error: BaseException) -> str:
    """Return an error as the reason of a row, in one line; without the type of a `UserError`."""
    if isinstance(error, MemoryError):
        return "out of memory"
    return text_of(error) if isinstance(error, UserError) else in_one_line(error)


def text_of(error: BaseException) -> str:
    """Return the message of an error in one line of at most 500 characters."""
    return " ".join(str(error).split())[:500]
