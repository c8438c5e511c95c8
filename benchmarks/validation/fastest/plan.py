"""What `make fastest` measures: random trainings, on which backends, and how many are asked."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.validation.fastest.shapes import draw
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.problems.problem import DType

STUDY = "fastest"
AMONG = ("numpy", "torch-cpu", "torch-cpu-manual", "numba", "jax-cpu")
_FEWEST = 2
# Asked about on a machine that knows nothing: starting every backend for each takes all the time.
_MOST_COLD = 24


@dataclass(frozen=True)
class FastestPlan:
    """What to measure; equal plans are the same run.

    So many random ``trainings``, those that follow ``seed``, on ``backends`` in so many fresh
    ``processes`` each; `perceptron.fastest` is asked about the first ``asked``.
    """

    trainings: int = 72
    asked: int = 72
    seed: int = 1
    backends: tuple[str, ...] = ()
    """Empty: those of `AMONG` that can run here."""
    dtype: DType = "float32"
    threads: int = 0
    """0 for all cores that this process may use."""
    processes: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "threads", self.threads or usable_cores())
        chosen = self.backends or AMONG
        here = tuple(name for name in chosen if registry.reason_unavailable(name) is None)
        if len(here) < _FEWEST:
            raise UserError(
                f"--fastest: fewer than two of {', '.join(chosen)} can run here: see `perceptron "
                "backends`"
            )
        object.__setattr__(self, "backends", here)

    @property
    def asked_cold(self) -> int:
        """How many of those are also asked about where nothing is known."""
        return min(self.asked, _MOST_COLD)

    @property
    def budget_seconds(self) -> float:
        """What it may take unless the user says otherwise."""
        return 1500.0

    def as_json(self) -> dict[str, object]:
        """Return the plan as a run keeps it: with what was drawn, which later code may draw not."""
        return {
            "study": STUDY,
            "trainings": [[own.reference, own.epochs] for own in draw(self.trainings, self.seed)],
            "asked": self.asked,
            "asked_cold": self.asked_cold,
            "seed": self.seed,
            "backends": list(self.backends),
            "dtype": self.dtype,
            "threads": self.threads,
            "processes": self.processes,
        }
