"""Blocks: neighbouring processes of the arms, measured in their turn and kept in the journal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.sampling import schedule
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.first_trial import Calibration
from perceptron.gate.sampling.processes import Seeds
from perceptron.gate.sampling.retaking import MOST_RETAKES, due
from perceptron.gate.sampling.sampler import Sampler
from perceptron.gate.verdict.outcome import outcome
from perceptron.records.block import Arm, Benchmark, Block, Reading, Stage

# A benchmark that takes longer than expected has so much time before it counts as hanging.
_PATIENCE = 4.0


class Blocks:
    """Measures blocks of these benchmarks; knows which ones the journal has."""

    def __init__(
        self,
        arms: Arms,
        sampler: Sampler,
        benchmarks: Sequence[Benchmark],
        journal: ComparisonJournal,
        elapsed: Callable[[], float],
    ) -> None:
        self._trees = arms.trees
        self._sampler = sampler
        self._benchmarks = {benchmark.key: benchmark for benchmark in benchmarks}
        self._journal = journal
        self._elapsed = elapsed

    def of(self, key: str) -> list[Block]:
        """Return those of one benchmark, of all stages."""
        return [block for block in self._journal.blocks if block.benchmark == key]

    def is_measured(self, key: str) -> bool:
        """Return whether the benchmark gives numbers on both arms."""
        return outcome(self.of(key)).kind == "measured"

    def turn(self, arms: Sequence[Arm], stage: Stage, number: int) -> schedule.Turn:
        """Return the turn of a block, as the comparison's seed has it."""
        return schedule.turn(arms, self._journal.run.plan.seed, stage, number)

    def seeds(self, stage: Stage, number: int) -> Seeds:
        """Return what the processes of a block are seeded with."""
        plan = self._journal.run.plan
        return schedule.seeds(plan.seed, stage, number, plan.seeded)

    @staticmethod
    def seconds_for(
        blocks: Sequence[Sequence[str]], arms: Sequence[Arm], calibration: Calibration
    ) -> float:
        """Return how long blocks of these benchmarks take."""
        return len(arms) * sum(calibration.costs.process(keys) for keys in blocks)

    def measure(
        self,
        stage: Stage,
        number: int,
        keys: Sequence[str],
        arms: Sequence[Arm],
        calibration: Calibration,
        end: float,
    ) -> None:
        """Measure one block of those benchmarks that do not have it yet.

        What one arm alone had waited in is measured again, if there is time for it before ``end``:
        what the stage has planned goes before. A retake has the order, the folders and the hash
        seed of its block, so that each order counts as often as planned, whatever is retaken.
        """
        measured = {
            block.benchmark
            for block in self._journal.blocks
            if (block.stage, block.number) == (stage, number)
        }
        self._measure(stage, number, 0, set(keys) - measured, keys, arms, calibration)
        for take in range(1, MOST_RETAKES + 1):
            todo = due(self._journal.blocks, stage, number, take)
            seconds = self.seconds_for([sorted(todo)], arms, calibration)
            if todo and self._elapsed() + seconds <= end:
                self._measure(stage, number, take, todo, keys, arms, calibration)

    def _measure(
        self,
        stage: Stage,
        number: int,
        take: int,
        todo: Collection[str],
        keys: Sequence[str],
        arms: Sequence[Arm],
        calibration: Calibration,
    ) -> None:
        """Measure ``todo``, grouped into processes as all the ``keys`` of the block are."""
        turn = self.turn(arms, stage, number)
        wanted = [self._benchmarks[key] for key in keys]
        seeds = self.seeds(stage, number)
        self._trees.arrange(turn.sides)
        for group in schedule.groups(
            wanted, calibration.costs, self._journal.run.plan.seed, stage, number
        ):
            together = [
                benchmark
                for benchmark in group
                if benchmark.key in todo and self.is_measured(benchmark.key)
            ]
            if together:
                readings = {
                    arm: self._sample(arm, together, calibration, seeds) for arm in turn.order
                }
                for benchmark in together:
                    self.append(stage, number, benchmark.key, turn, readings, take)

    def _sample(
        self, arm: Arm, todo: Sequence[Benchmark], calibration: Calibration, seeds: Seeds
    ) -> dict[str, Reading]:
        def limit(benchmark: Benchmark) -> float:
            return max(benchmark.timeout, _PATIENCE * calibration.costs.benchmarks[benchmark.key])

        return dict(self._sampler.sample(arm, todo, calibration.effort, seeds, limit))

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
