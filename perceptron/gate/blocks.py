"""Blocks: neighbouring processes of the arms, measured in their turn and kept in the journal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.sampling import schedule
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.processes import Seeds
from perceptron.gate.sampling.sampler import Sampler
from perceptron.gate.sampling.schedule import Calibration
from perceptron.gate.verdict.outcome import outcome
from perceptron.gate.verdict.waits import always_waiting
from perceptron.records.block import (
    Arm,
    Benchmark,
    Block,
    Reading,
    Stage,
    by_benchmark,
    waiting_arms,
)

# A benchmark that takes longer than expected has so much time before it counts as hanging.
_PATIENCE = 4.0
MOST_RETAKES = 2


@dataclass(frozen=True)
class Round:
    """A block of each of these benchmarks."""

    stage: Stage
    number: int
    keys: Sequence[str]
    arms: Sequence[Arm]


class Blocks:
    """Measures blocks of these benchmarks, and tells which; knows which ones the journal has."""

    def __init__(
        self,
        arms: Arms,
        sampler: Sampler,
        benchmarks: Sequence[Benchmark],
        journal: ComparisonJournal,
        elapsed: Callable[[], float],
        tell: Callable[[str], object],
    ) -> None:
        self._trees = arms.trees
        self._sampler = sampler
        self._benchmarks = {benchmark.key: benchmark for benchmark in benchmarks}
        self._journal = journal
        self._elapsed = elapsed
        self._tell = tell

    def by_benchmark(self) -> dict[str, list[Block]]:
        """Return those of each benchmark, of all stages."""
        return by_benchmark(self._journal.blocks)

    def measured(self) -> set[str]:
        """Return the benchmarks that give numbers on both arms."""
        blocks = self.by_benchmark().items()
        return {key for key, own in blocks if outcome(own).kind == "measured"}

    def turn(self, arms: Sequence[Arm], stage: Stage, number: int) -> schedule.Turn:
        """Return the turn of a block, as the comparison's seed has it."""
        return schedule.turn(arms, self._journal.run.plan.seed, stage, number)

    def seeds(self, stage: Stage, number: int) -> Seeds:
        """Return what the processes of a block are seeded with."""
        plan = self._journal.run.plan
        return schedule.seeds(plan.seed, stage, number, plan.seeded)

    def measure(self, one: Round, calibration: Calibration, end: float) -> None:
        """Measure one block of those benchmarks that do not have it yet.

        What one arm alone had waited in is measured again, if there is time for it before the
        ``end``: what the stage has planned goes before. A retake has the order, the folders and the
        hash seed of its block, so that each order counts as often as planned, whatever is retaken.
        """
        measured = {
            block.benchmark
            for block in self._journal.blocks
            if (block.stage, block.number) == (one.stage, one.number)
        }
        self._measure(one, 0, set(one.keys) - measured, calibration)
        for take in range(1, MOST_RETAKES + 1):
            todo = due(self._journal.blocks, one.stage, one.number, take)
            seconds = len(one.arms) * calibration.costs.process(sorted(todo))
            if todo and self._elapsed() + seconds <= end:
                self._measure(one, take, todo, calibration)

    def _measure(
        self, one: Round, take: int, todo: Collection[str], calibration: Calibration
    ) -> None:
        """Measure ``todo``, grouped into processes as all of the round are.

        Nothing is begun when the time of the comparison is over.
        """
        plan = self._journal.run.plan
        turn = self.turn(one.arms, one.stage, one.number)
        todo = self.measured().intersection(todo)
        wanted = [self._benchmarks[key] for key in one.keys]
        seeds = self.seeds(one.stage, one.number)
        self._trees.arrange(turn.sides)
        for group in schedule.groups(wanted, calibration.costs, plan.seed, one.stage, one.number):
            together = [own for own in group if own.key in todo]
            if together and self._elapsed() < plan.budget_seconds:
                readings = {
                    arm: self._sample(arm, together, calibration, seeds) for arm in turn.order
                }
                for benchmark in together:
                    self.append(one.stage, one.number, benchmark.key, turn, readings, take)

    def _sample(
        self, arm: Arm, todo: Sequence[Benchmark], calibration: Calibration, seeds: Seeds
    ) -> dict[str, Reading]:
        def limit(benchmark: Benchmark) -> float:
            return max(benchmark.timeout, _PATIENCE * calibration.costs.benchmarks[benchmark.key])

        readings = {}
        for key, reading in self._sampler.sample(arm, todo, calibration, seeds, limit):
            readings[key] = reading
            self._tell(key)
        return readings

    def append(
        self,
        stage: Stage,
        number: int,
        key: str,
        turn: schedule.Turn,
        readings: dict[Arm, dict[str, Reading]],
        take: int = 0,
    ) -> None:
        """Keep what the arms gave for one benchmark."""
        self._journal.append(
            Block(
                stage=stage,
                number=number,
                take=take,
                benchmark=key,
                order=list(turn.order),
                sides=turn.sides,
                base=readings["base"][key],
                head=readings["head"][key],
                control=readings["control"][key] if "control" in readings else None,
                elapsed_seconds=self._elapsed(),
            )
        )


def due(blocks: Sequence[Block], stage: Stage, number: int, take: int) -> set[str]:
    """Return the benchmarks that one block of a stage still lacks this take of.

    ``blocks`` are those of the comparison so far. What one arm alone waited for a core in compares
    a contended process with an uncontended one, and is taken again. The rule knows how long threads
    waited and not what was measured; it holds for all arms alike. So it favours none, and cannot
    choose a ratio. What waits in every arm stays: its ratio is noisier, and as fair. Where the same
    arm waits alone whatever is taken again, it is the code that does, or a neighbour that stays.
    """
    takes = [block for block in blocks if (block.stage, block.number) == (stage, number)]
    others = [block for block in blocks if (block.stage, block.number) != (stage, number)]
    measured = {block.benchmark for block in takes if block.take >= take}
    one_sided = {
        block.benchmark
        for block in takes
        if block.take == take - 1 and waiting_arms(block.readings())
    }
    return {
        key
        for key in one_sided - measured
        if always_waiting(block for block in others if block.benchmark == key) is None
    }
