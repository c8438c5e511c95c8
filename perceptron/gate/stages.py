"""The stages of a comparison: calibrate, screen, confirm. Each goes on where it was cut short."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.sampling import schedule
from perceptron.gate.sampling.arms import Arms, CannotImport
from perceptron.gate.sampling.budget import affordable, plan_confirmation, plan_screen
from perceptron.gate.sampling.calibration import Calibration, calibration
from perceptron.gate.sampling.first_trial import FirstTrial
from perceptron.gate.sampling.sampler import Sampler, SamplingEffort
from perceptron.gate.verdict.judge import log_ratios
from perceptron.gate.verdict.outcome import retry, state
from perceptron.gate.verdict.rule import Rule, noisy
from perceptron.records.block import Arm, Benchmark, Block, Reading, Stage

# (blocks done, blocks in all as far as known, what is being done)
Progress = Callable[[int, int, str], None]
Clock = Callable[[], float]

TWO: tuple[Arm, ...] = ("base", "head")
THREE: tuple[Arm, ...] = ("base", "head", "control")
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
        self._takes = Sampler(arms, clock)
        self._benchmarks = {each.key: each for each in benchmarks}
        self._journal = journal
        self._rule = rule
        self._progress = progress
        self._clock = clock
        self._begin = clock() - journal.elapsed_seconds
        self._total = 1

    @property
    def elapsed_seconds(self) -> float:
        """Of all starts together."""
        return self._clock() - self._begin

    @property
    def _budget(self) -> float:
        return self._journal.run.plan.budget_seconds

    def calibrate(self) -> None:
        """Try every benchmark once on both arms, and again what failed on one of them."""
        untried = [each for each in self._benchmarks.values() if not self._of(each.key)]
        if untried:
            self._progress(0, self._total, "trying every benchmark")
            self._try(untried, 0)
        again = [each for each in self._benchmarks.values() if retry(self._of(each.key))]
        if again:
            self._try(again, 1)

    def screen(self) -> None:
        """Blocks of everything, then more of what is too noisy to be judged by so few."""
        found = self._calibration()
        if not self._journal.run.plan.screen_blocks:
            self._plan_screen(found)
        plan = self._journal.run.plan
        out = {each.benchmark for each in plan.left_out}
        keys = [key for key in found.costs.benchmarks if key not in out]
        self._total = plan.screen_blocks
        for number in range(plan.screen_blocks):
            share = _SCREENED if number >= self._rule.fewest_screen else _OVER
            if self.elapsed_seconds > share * self._budget:
                break
            self._block("screen", number, keys, TWO, found)
        if self._journal.run.plan.affordable_blocks:
            return  # what came after the screen was begun before
        number = plan.screen_blocks
        while self.elapsed_seconds < _EXTENDED * self._budget and number < self._rule.most_screen:
            ratios = log_ratios(self._journal.blocks, "screen")
            left = noisy({key: ratios.get(key, []) for key in keys}, self._rule)
            if not left:
                break
            self._total = number + 1
            self._block("screen", number, left, TWO, found)
            number += 1

    def confirm(self) -> None:
        """Fresh blocks, with a second copy of base, of what the screen promoted."""
        found = self._calibration()
        if not self._journal.run.plan.affordable_blocks:
            self._plan_confirmation(found)
        planned = self._journal.run.plan.confirmation_blocks
        if any(planned.values()):
            self._takes.forget_caches()
            self._compile_control()
        before = self._total
        self._total += max(planned.values(), default=0)
        for number in range(max(planned.values(), default=0)):
            if self.elapsed_seconds > _OVER * self._budget:
                break
            keys = [key for key in planned if planned[key] > number]
            self._block("confirmation", number, keys, THREE, found, before)

    def _compile_control(self) -> None:
        """Let the second copy of base find bytecode from its first block on, as the first does."""
        self._trees.place(schedule.turn(THREE, self._seed, "confirmation", 0).sides)
        with contextlib.suppress(CannotImport):  # nor does base load every benchmark of HEAD then
            self._arms.discover("control")

    def _try(self, benchmarks: Sequence[Benchmark], attempt: int) -> None:
        turn = replace(schedule.turn(TWO, self._seed, "calibration", attempt), order=TWO)
        self._trees.place(turn.sides)
        hash_seed = schedule.hash_seed(self._seed, "calibration", attempt)
        trial = FirstTrial(self._takes, self._budget, hash_seed, lambda: self.elapsed_seconds)
        found = trial.both(benchmarks)
        if attempt == 0:
            start = self._takes.start_seconds
            self._journal.keep(msgspec.structs.replace(self._journal.run, start_seconds=start))
        for each in benchmarks:
            self._append("calibration", attempt, each.key, turn, found)

    def _plan_screen(self, found: Calibration) -> None:
        left = _SCREENED * self._budget - self.elapsed_seconds
        blocks, left_out = plan_screen(found.costs, left, self._rule)
        self._keep_plan(
            calls=found.effort.calls,
            batches=found.effort.batches,
            screen_blocks=blocks,
            left_out=left_out,
        )

    def _plan_confirmation(self, found: Calibration) -> None:
        """Fixed now, before any of its blocks is measured."""
        ratios = log_ratios(self._journal.blocks, "screen")
        live = {key: values for key, values in ratios.items() if self._measured(key)}
        left = _OVER * self._budget - self.elapsed_seconds
        self._keep_plan(
            confirmation_blocks=plan_confirmation(live, found.costs, left, self._rule),
            affordable_blocks=affordable(found.costs, left, self._rule),
        )

    def _keep_plan(self, **fields: object) -> None:
        run = self._journal.run
        plan = msgspec.structs.replace(run.plan, **fields)
        self._journal.keep(msgspec.structs.replace(run, plan=plan))

    def _block(
        self,
        stage: Stage,
        number: int,
        keys: Sequence[str],
        arms: Sequence[Arm],
        found: Calibration,
        before: int = 0,
    ) -> None:
        """Measure one block of those benchmarks that it has not yet."""
        self._progress(before + number, self._total, f"{stage}, block {number + 1}")
        there = {
            block.benchmark
            for block in self._journal.blocks
            if block.stage == stage and block.number == number
        }
        turn = schedule.turn(arms, self._seed, stage, number)
        wanted = [self._benchmarks[key] for key in keys]
        hash_seed = schedule.hash_seed(self._seed, stage, number)
        self._trees.place(turn.sides)
        for group in schedule.groups(wanted, found.costs, self._seed, stage, number):
            todo = [each for each in group if each.key not in there and self._measured(each.key)]
            if todo:
                taken = {arm: self._take(arm, todo, found, hash_seed) for arm in turn.order}
                for each in todo:
                    self._append(stage, number, each.key, turn, taken)

    def _take(
        self, arm: Arm, todo: Sequence[Benchmark], found: Calibration, hash_seed: int
    ) -> dict[str, Reading]:
        def limit(benchmark: Benchmark) -> float:
            return max(benchmark.timeout, _PATIENCE * found.costs.benchmarks[benchmark.key])

        return dict(self._takes.take(arm, todo, found.effort, hash_seed, limit))

    def _append(
        self,
        stage: Stage,
        number: int,
        key: str,
        turn: schedule.Turn,
        taken: dict[Arm, dict[str, Reading]],
    ) -> None:
        self._journal.append(
            Block(
                stage=stage,
                number=number,
                benchmark=key,
                order=list(turn.order),
                sides=turn.sides,
                base=taken["base"][key],
                head=taken["head"][key],
                control=taken["control"][key] if "control" in taken else None,
                elapsed_seconds=self.elapsed_seconds,
            )
        )

    def _calibration(self) -> Calibration:
        run = self._journal.run
        blocks = [each for each in self._journal.blocks if each.stage == "calibration"]
        found = calibration(list(self._benchmarks.values()), blocks, run.start_seconds or 0.0)
        if not run.plan.calls:
            return found
        return Calibration(SamplingEffort(run.plan.calls, run.plan.batches), found.costs)

    def _measured(self, key: str) -> bool:
        return state(self._of(key)).kind == "measured"

    def _of(self, key: str) -> list[Block]:
        return [block for block in self._journal.blocks if block.benchmark == key]

    @property
    def _seed(self) -> int:
        return self._journal.run.plan.seed
