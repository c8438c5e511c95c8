"""The row of a race: times of a fresh process to a target on the test set, trained twice."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from perceptron.errors import UserError
from perceptron.records.measurement import Status

RaceDType = Literal["float32", "float64", "bfloat16"]

# Bounds keep untrusted numbers out of overflow.
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Count = Annotated[int, Meta(ge=1, le=2**40)]
Share = Annotated[float, Meta(ge=0, le=1)]
# Evaluations of the test set in one training.
MOST_CHECKS = 10_000
_TARGET = re.compile(r"(accuracy|loss)=(\d{1,9}(?:\.\d{1,15})?|\.\d{1,15})", re.ASCII)


class Check(Struct, frozen=True, array_like=True):
    """The scores of a training on the test set after a number of iterations."""

    iterations: Count
    seconds: Seconds
    """Seconds of training alone, up to here; evaluations are not counted."""
    accuracy: Share | None
    """Share of correct predictions on the test set; None if the targets are no classes."""
    loss: float | None
    """Loss on the test set; None if it is not finite."""


class Target(Struct, frozen=True):
    """The target on the test set: an accuracy of at least, or a loss of at most, a value.

    >>> str(target_of("accuracy=0.95"))
    'accuracy=0.95'
    """

    goal: Literal["accuracy", "loss"]
    value: Annotated[float, Meta(gt=0, le=1e9)]

    def __str__(self) -> str:
        # Without an exponent, which `target_of` does not accept.
        return f"{self.goal}={Decimal(f'{self.value:.15g}'):f}"

    def score_of(self, check: Check) -> float | None:
        """Return the score that has to reach the target."""
        return check.accuracy if self.goal == "accuracy" else check.loss

    def is_reached(self, check: Check) -> bool:
        """Return whether these scores reach the target."""
        score = self.score_of(check)
        if score is None:
            return False
        return score >= self.value if self.goal == "accuracy" else score <= self.value


def target_of(text: str) -> Target:
    """Parse a target such as ``accuracy=0.95`` or ``loss=0.2``; raises `UserError`."""
    match = _TARGET.fullmatch(text.strip())
    goal: Literal["accuracy", "loss"] = "loss" if match and match[1] == "loss" else "accuracy"
    value = float(match[2]) if match else 0.0
    if value <= 0 or (goal == "accuracy" and value > 1):
        raise UserError(
            "--target takes accuracy=0.95 or loss=0.2, for example, an accuracy up to 1; "
            f"got {text!r}"
        )
    return Target(goal, value)


class Training(Struct, frozen=True, kw_only=True):
    """One training towards the target, evaluated repeatedly."""

    checks: Annotated[list[Check], Meta(min_length=1, max_length=MOST_CHECKS)]
    """Evaluations up to the first that reaches the target, or to the last allowed one."""
    waited: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    """Share of its seconds that a thread was ready and had no core, added up over threads; None
    if the system does not report it."""


class RaceTimes(Struct, frozen=True, kw_only=True):
    """The times of one fresh process, or the reason why it has none."""

    import_seconds: Seconds | None = None
    """Seconds from the start of the process until everything is imported."""
    prepare_seconds: Seconds | None = None
    """Seconds of the setup: data, copies, compilation."""
    prepared_from_cache: bool | None = None
    """Whether compiled code came from a cache on disk; None if nothing compiles."""
    data_seconds: Seconds | None = None
    """Seconds of ``prepare_seconds`` to load the data into host memory, alike for every backend."""
    modules: list[str] = []
    """The libraries that the backend states as its imports."""
    fresh: Training | None = None
    """The training right after the setup: a cold start."""
    resident: Training | None = None
    """The same training once more in the same process: warm."""

    status: Status = "ok"
    reason: str | None = None


class RaceRow(RaceTimes, frozen=True, kw_only=True, tag="race", tag_field="kind"):
    """One process of a race: a backend, a dtype and a seed.

    The seed sets the start parameters and the order of the rows: equal seeds are equal trainings.
    """

    source: str = "perceptron"
    machine: str
    environment: str | None = None
    commit: str | None = None
    code: str | None = None
    when: str
    """UTC, ISO 8601."""

    problem: str
    problem_digest: str
    """Digest of the problem with seed 0."""
    target: Target
    epochs: Count
    """Allowed passes over the rows; a pass is one iteration if that takes all rows."""
    iterations_per_epoch: Count
    check_iterations: Count
    """Iterations between two evaluations of the test set."""
    backend: str
    device: str | None = None
    dtype: str
    threads: Count
    """Threads of each process."""
    processes: Count = 1
    """Processes that train together."""
    seed: Annotated[int, Meta(ge=0, le=2**31)]
    session: str | None = None
    """Start of the run that measured the row; readers set it from the run's file."""

    @property
    def raced(self) -> tuple[object, ...]:
        """The key of rows that raced the same training on equal hardware, in any dtype."""
        trained = (self.problem, self.problem_digest, self.target, self.epochs)
        looks = (self.iterations_per_epoch, self.check_iterations)
        return (*trained, *looks, self.machine, self.environment, self.all_threads)

    @property
    def repeat(self) -> int:
        """The number of the fresh process: its seed."""
        return self.seed

    @property
    def all_threads(self) -> int:
        """Threads of all processes together; only rows with equal numbers are compared."""
        return self.threads * self.processes


def has_raced(row: RaceRow) -> bool:
    """Return whether a row holds all times and both trainings."""
    values = (row.fresh, row.resident, row.import_seconds, row.prepare_seconds)
    return row.status == "ok" and None not in values
