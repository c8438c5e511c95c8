"""The stages of a comparison: calibrate, screen, confirm. Each resumes where it was cut short."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import msgspec

from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.sampling import schedule
from perceptron.gate.sampling.arms import Arms, CannotImport
from perceptron.gate.sampling.budget import affordable, plan_confirmation, plan_screen
from perceptron.gate.sampling.first_trial import Calibration, FirstTrial, calibrate
from perceptron.gate.sampling.retaking import MOST_RETAKES, due
from perceptron.gate.sampling.sampler import Sampler, SamplingEffort
from perceptron.gate.verdict.judge import log_ratios
from perceptron.gate.verdict.outcome import outcome, retry
from perceptron.gate.verdict.rule import Rule, noisy
from perceptron.gate.verdict.work import work_of
from perceptron.records.block import Arm, Benchmark, Block, Reading, Stage

# (blocks done, blocks in all as far as known, what is being done)
Progress = Callable[[int, int, str], None]
Clock = Callable[[], float]

PAIR: tuple[Arm, ...] = ("base", "head")
WITH_CONTROL: tuple[Arm, ...] = ("base", "head", "control")
# Shares of the budget that have passed when a stage must be over.
_SCREENED, _EXTENDED, _OVER = 0.65, 0.75, 1.0
# A benchmark that takes longer than expected has so much time before it counts as hanging.
_PATIENCE = 4.0


class Stages:
    """One comparison, from the journal's last block to its end."""

    def __init__(
        self,
        arms: Arms,
        benchmarks: Sequence[Benchmark],
        journal: ComparisonJournal,
        rule: Rule,
        progress: Progress,
        clock: Clock = time.monotonic,
    ) -> None:
        self._arms = arms
        self._trees = arms.trees
        self._sampler = Sampler(arms, clock)
        self._benchmarks = {benchmark.key: benchmark for benchmark in benchmarks}
        self._journal = journal
        self._rule = rule
        self._progress = progress
        self._clock = clock
        self._begin = clock() - journal.elapsed_seconds
        self._total = 1

    @property
    def elapsed_seconds(self) -> float:
        """Seconds of all starts together."""
        return self._clock() - self._begin

    @property
    def _budget(self) -> float:
        return self._journal.run.plan.budget_seconds

    def calibrate(self) -> None:
        """Try every benchmark once on both arms, and again what failed on one of them."""
        untried = [
            benchmark
            for benchmark in self._benchmarks.values()
            if not self._blocks_of(benchmark.key)
        ]
        if untried:
            self._progress(0, self._total, "trying every benchmark")
            self._try(untried, 0)
        failed_once = [
            benchmark
            for benchmark in self._benchmarks.values()
            if retry(self._blocks_of(benchmark.key))
        ]
        if failed_once:
            self._try(failed_once, 1)

    def screen(self) -> None:
        """Measure blocks of everything, then more of what is too noisy to be judged by so few."""
        calibration = self._read_calibration()
        if not self._journal.run.plan.screen_blocks:
            self._plan_screen(calibration)
        plan = self._journal.run.plan
        left_out = {row.benchmark for row in plan.left_out}
        keys = [key for key in calibration.costs.benchmarks if key not in left_out]
        self._total = plan.screen_blocks
        if plan.affordable_blocks:
            return  # resumed: the confirmation was planned from the screen as it is
        for number in range(plan.screen_blocks):
            share = _SCREENED if number >= self._rule.fewest_screen else _OVER
            if self.elapsed_seconds > share * self._budget:
                break
            rest = [keys] * (plan.screen_blocks - number - 1)
            end = _SCREENED * self._budget - self._seconds_for(rest, PAIR, calibration)
            self._measure_block("screen", number, keys, PAIR, calibration, end)
        number = plan.screen_blocks
        while self.elapsed_seconds < _EXTENDED * self._budget and number < self._rule.most_screen:
            ratios = log_ratios(self._journal.blocks, "screen")
            too_noisy = noisy({key: ratios.get(key, []) for key in keys}, self._rule)
            if not too_noisy:
                break
            self._total = number + 1
            end = _EXTENDED * self._budget
            self._measure_block("screen", number, too_noisy, PAIR, calibration, end)
            number += 1

    def confirm(self) -> None:
        """Measure fresh blocks, with a second copy of base, of what the screen promoted."""
        calibration = self._read_calibration()
        if not self._journal.run.plan.affordable_blocks:
            self._plan_confirmation(calibration)
        planned = self._journal.run.plan.confirmation_blocks
        if any(planned.values()):
            self._sampler.forget_caches()
            self._compile_control()
        before = self._total
        self._total += max(planned.values(), default=0)
        for number in range(max(planned.values(), default=0)):
            if self.elapsed_seconds > _OVER * self._budget:
                break
            keys, *rest = (
                [key for key in planned if planned[key] > later]
                for later in range(number, max(planned.values()))
            )
            end = _OVER * self._budget - self._seconds_for(rest, WITH_CONTROL, calibration)
            self._measure_block(
                "confirmation", number, keys, WITH_CONTROL, calibration, end, before
            )

    def _compile_control(self) -> None:
        """Compile the second copy of base, so that its first block finds bytecode as base's did."""
        self._trees.arrange(schedule.turn(WITH_CONTROL, self._seed, "confirmation", 0).sides)
        with contextlib.suppress(CannotImport):  # then base does not load it either
            self._arms.discover("control")

    def _try(self, benchmarks: Sequence[Benchmark], attempt: int) -> None:
        turn = replace(schedule.turn(PAIR, self._seed, "calibration", attempt), order=PAIR)
        self._trees.arrange(turn.sides)
        hash_seed = schedule.hash_seed(self._seed, "calibration", attempt)
        trial = FirstTrial(self._sampler, self._budget, hash_seed, lambda: self.elapsed_seconds)
        readings = trial.both(benchmarks)
        if attempt == 0:
            start = self._sampler.start_seconds
            self._journal.update_run(
                msgspec.structs.replace(self._journal.run, start_seconds=start)
            )
        for benchmark in benchmarks:
            self._append("calibration", attempt, benchmark.key, turn, readings)

    def _plan_screen(self, calibration: Calibration) -> None:
        left = _SCREENED * self._budget - self.elapsed_seconds
        blocks, left_out = plan_screen(calibration.costs, left, self._rule)
        self._keep_plan(
            calls=calibration.effort.calls,
            batches=calibration.effort.batches,
            screen_blocks=blocks,
            left_out=left_out,
        )

    def _plan_confirmation(self, calibration: Calibration) -> None:
        """Plan the confirmation now, before any of its blocks is measured."""
        ratios = log_ratios(self._journal.blocks, "screen")
        live = {key: values for key, values in ratios.items() if self._is_measured(key)}
        work = work_of(self._journal.blocks, self._rule)
        left = _OVER * self._budget - self.elapsed_seconds
        self._keep_plan(
            confirmation_blocks=plan_confirmation(live, work, calibration.costs, left, self._rule),
            affordable_blocks=affordable(calibration.costs, left, self._rule),
        )

    def _keep_plan(self, **fields: object) -> None:
        run = self._journal.run
        plan = msgspec.structs.replace(run.plan, **fields)
        self._journal.update_run(msgspec.structs.replace(run, plan=plan))

    def _measure_block(
        self,
        stage: Stage,
        number: int,
        keys: Sequence[str],
        arms: Sequence[Arm],
        calibration: Calibration,
        end: float,
        before: int = 0,
    ) -> None:
        """Measure one block of those benchmarks that do not have it yet.

        What one arm alone had waited in is measured again, if there is time for it before ``end``:
        what the stage has planned goes before. A retake has the order, the folders and the hash
        seed of its block, so that each order counts as often as planned, whatever is retaken.
        """
        self._progress(before + number, self._total, f"{stage}, block {number + 1}")
        measured = {
            block.benchmark
            for block in self._journal.blocks
            if (block.stage, block.number) == (stage, number)
        }
        self._measure(stage, number, 0, set(keys) - measured, keys, arms, calibration)
        for take in range(1, MOST_RETAKES + 1):
            todo = due(self._journal.blocks, stage, number, take)
            seconds = self._seconds_for([sorted(todo)], arms, calibration)
            if todo and self.elapsed_seconds + seconds <= end:
                self._measure(stage, number, take, todo, keys, arms, calibration)

    @staticmethod
    def _seconds_for(
        blocks: Sequence[Sequence[str]], arms: Sequence[Arm], calibration: Calibration
    ) -> float:
        """Return how long blocks of these benchmarks take."""
        return len(arms) * sum(calibration.costs.process(keys) for keys in blocks)

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
        turn = schedule.turn(arms, self._seed, stage, number)
        wanted = [self._benchmarks[key] for key in keys]
        hash_seed = schedule.hash_seed(self._seed, stage, number)
        self._trees.arrange(turn.sides)
        for group in schedule.groups(wanted, calibration.costs, self._seed, stage, number):
            together = [
                benchmark
                for benchmark in group
                if benchmark.key in todo and self._is_measured(benchmark.key)
            ]
            if together:
                readings = {
                    arm: self._sample(arm, together, calibration, hash_seed) for arm in turn.order
                }
                for benchmark in together:
                    self._append(stage, number, benchmark.key, turn, readings, take)

    def _sample(
        self, arm: Arm, todo: Sequence[Benchmark], calibration: Calibration, hash_seed: int
    ) -> dict[str, Reading]:
        def limit(benchmark: Benchmark) -> float:
            return max(benchmark.timeout, _PATIENCE * calibration.costs.benchmarks[benchmark.key])

        return dict(self._sampler.sample(arm, todo, calibration.effort, hash_seed, limit))

    def _append(
        self,
        stage: Stage,
        number: int,
        key: str,
        turn: schedule.Turn,
        readings: dict[Arm, dict[str, Reading]],
        take: int = 0,
    ) -> None:
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
                elapsed_seconds=self.elapsed_seconds,
            )
        )

    def _read_calibration(self) -> Calibration:
        run = self._journal.run
        blocks = [block for block in self._journal.blocks if block.stage == "calibration"]
        measured = calibrate(list(self._benchmarks.values()), blocks, run.start_seconds or 0.0)
        if not run.plan.calls:
            return measured
        return Calibration(SamplingEffort(run.plan.calls, run.plan.batches), measured.costs)

    def _is_measured(self, key: str) -> bool:
        return outcome(self._blocks_of(key)).kind == "measured"

    def _blocks_of(self, key: str) -> list[Block]:
        return [block for block in self._journal.blocks if block.benchmark == key]

    @property
    def _seed(self) -> int:
        return self._journal.run.plan.seed
