"""What `perceptron race` sets out to race: a problem and a target, who races, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from perceptron.analysis.race.result import Competitor
from perceptron.backends import registry
from perceptron.backends.shared.evaluation import score
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.problems.problem import Problem
from perceptron.records.race import RaceDType, Target, target_of
from perceptron.studies.shared.over_processes import require_backends

PROBLEM = "digits"
TARGET = "accuracy=0.95"
SEEDS = 7
_MOST_SEEDS = 1000
_MOST_EPOCHS = 10**9
# Where an epoch is a single iteration, that often the held-out part is looked at: as long as there
# is nothing more to say, looking must not take longer than training.
_LOOKS = 200


@dataclass(frozen=True)
class RacePlan:
    """Who races to what; equal plans are the same run."""

    problem: Problem
    target: str = TARGET
    """As typed; see `records.race.target_of`."""
    backends: tuple[str, ...] = registry.DEFAULT
    dtypes: tuple[RaceDType, ...] = ("float32",)
    seeds: int = SEEDS
    """Trainings of each, with seeds from 0 up: the same for all."""
    epochs: int = 0
    """After so many a training is given up; 0 for as many as the problem's whole training has."""
    threads: int = 0
    """0 for all cores that this process may use."""

    def __post_init__(self) -> None:
        if not 2 <= self.seeds <= _MOST_SEEDS:
            raise UserError(f"--seeds must be from 2 to {_MOST_SEEDS}, got {self.seeds}")
        if not 0 <= self.epochs <= _MOST_EPOCHS:
            raise UserError(f"--epochs must be from 1 to {_MOST_EPOCHS:,}, got {self.epochs}")
        object.__setattr__(self, "target", str(target_of(self.target)))
        require_backends(self.backends, self.threads)
        object.__setattr__(self, "threads", self.threads or usable_cores())
        whole = max(1, self.problem.iterations // self.problem.iterations_per_epoch)
        object.__setattr__(self, "epochs", self.epochs or whole)
        _require_held_out(self.problem, target_of(self.target))

    @property
    def goal(self) -> Target:
        return target_of(self.target)

    @property
    def iterations(self) -> int:
        """As many are allowed."""
        return self.epochs * self.problem.iterations_per_epoch

    @property
    def check_iterations(self) -> int:
        """Iterations between two looks: an epoch, or a part of all where that is one iteration."""
        per_epoch = self.problem.iterations_per_epoch
        return per_epoch if per_epoch > 1 else max(1, self.iterations // _LOOKS)

    @property
    def competitors(self) -> list[Competitor]:
        return [Competitor(name, dtype) for name in self.backends for dtype in self.dtypes]


def _require_held_out(problem: Problem, target: Target) -> None:
    """Raise `UserError` unless the problem has a held-out part on which that can be reached."""
    held_out = problem.parts()[1]
    if held_out is None:
        raise UserError(
            f"--problem {problem.reference}: it holds nothing out, so nobody sees when a target is "
            f"reached: choose {PROBLEM}, or give test_share in a model file "
            "(docs/your-own-model.md)"
        )
    exact = score(problem, held_out.targets, held_out.targets)
    if target.goal == "accuracy" and exact.accuracy is None:
        raise UserError(
            f"--target {target}: the targets of {problem.reference} are no classes: give a loss, "
            "such as loss=0.2"
        )
