"""The trainer in the process that measures: it has every rank do what it is asked to do."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial

from perceptron.backends.data_parallel.world import World
from perceptron.backends.protocol import Evaluation, RankFailed
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem


class DataParallelTrainer:
    """One trainer in each rank. Every method raises `RankFailed` if a rank fails."""

    def __init__(self, world: World, problem: Problem, dtype: DType) -> None:
        self._world = world
        self._number = world.next_number()
        weakref.finalize(self, world.drop, self._number)
        world.ask("prepare", self._number, problem, dtype)

    def train(self, iterations: int) -> None:
        """Have all ranks train; the call ends when the last of them is done."""
        self._world.ask("train", self._number, iterations)

    def queue(self, iterations: int) -> None:
        self._world.ask("queue", self._number, iterations)

    def reset(self) -> None:
        self._world.ask("reset", self._number)

    def loss(self) -> float:
        return self.evaluate().train.loss

    def evaluate(self) -> Evaluation:
        """Have rank 0 evaluate all rows."""
        evaluation: Evaluation = self._world.ask_first("evaluate", self._number)
        return evaluation

    def parameters(self) -> list[Array]:
        """Return those of rank 0. Raises `RankFailed` if another rank has others."""
        first, *others = self._world.ask("digest", self._number)
        for rank, digest in enumerate(others, start=1):
            if digest != first:
                raise RankFailed(
                    f"rank {rank} of {self._world.processes} has other parameters than rank 0"
                )
        parameters: list[Array] = self._world.ask_first("parameters", self._number)
        return parameters

    def phases(self) -> dict[str, Callable[[int], None]]:
        """Return loops of all ranks; see `RankTrainer.phases`."""
        names: list[str] = self._world.ask_first("phase_names", self._number)
        return {name: partial(self._phase, name) for name in names}

    def _phase(self, name: str, iterations: int) -> None:
        self._world.ask("phase", self._number, name, iterations)
