"""The stages of a comparison: count, calibrate, screen, confirm. Each resumes where it was
cut short."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import msgspec

from perceptron.gate.blocks import Blocks
from perceptron.gate.counting.stage import CountingStage
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.budget import (
    EXTENDED,
    LOOKED,
    OVER,
    SCREENED,
    Remaining,
    affordable,
    plan_confirmation,
    plan_screen,
)
from perceptron.gate.sampling.caches import Caches
from perceptron.gate.sampling.discovery import CannotImport
from perceptron.gate.sampling.first_trial import Calibration, FirstTrial, calibrate
from perceptron.gate.sampling.look import plan_look
from perceptron.gate.sampling.sampler import Sampler, SamplingEffort
from perceptron.gate.verdict.judge import log_ratios
from perceptron.gate.verdict.outcome import retry
from perceptron.gate.verdict.promotion import suspicious
from perceptron.gate.verdict.rule import Rule, noisy
from perceptron.gate.verdict.work import WorkEvidence, work_of
from perceptron.records.block import Arm, Benchmark
from perceptron.records.comparison import LeftOut

# (blocks done, blocks in all as far as known, what is being done)
Progress = Callable[[int, int, str], None]
Clock = Callable[[], float]

PAIR: tuple[Arm, ...] = ("base", "head")
WITH_CONTROL: tuple[Arm, ...] = ("base", "head", "control")


class Stages:
    """One comparison, from the journal's last block to its end."""

    def __init__(
        self,
        arms: Arms,
        benchmarks: Sequence[Benchmark],
        journal: ComparisonJournal,
        rule: Rule,
        progress: Progress,
        valgrind: Valgrind | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._arms = arms
        self._trees = arms.trees
        self._valgrind = valgrind
        self._caches = Caches(arms)
        self._sampler = Sampler(arms, self._caches, clock)
        self._benchmarks = {benchmark.key: benchmark for benchmark in benchmarks}
        self._journal = journal
        self._rule = rule
        self._progress = progress
        self._clock = clock
        self._begin = clock() - journal.elapsed_seconds
        self._blocks = Blocks(
            arms, self._sampler, benchmarks, journal, lambda: self.elapsed_seconds
        )
        self._total = 1

    @property
    def elapsed_seconds(self) -> float:
        """Seconds of all starts together."""
        return self._clock() - self._begin

    @property
    def _budget(self) -> float:
        return self._journal.run.plan.budget_seconds

    def count(self) -> None:
        """Count the instructions of every benchmark, where there is something to count with.

        It comes first: it needs no clock, so no neighbour disturbs it, and what did the same work
        needs little else.
        """
        if self._valgrind is None or self._journal.run.plan.calls:
            return  # resumed: the screen was planned from the counts as they are
        stage = CountingStage(
            self._arms,
            self._caches,
            self._valgrind,
            self._journal,
            self._rule,
            self._progress,
            lambda: self.elapsed_seconds,
        )
        stage.run([own for own in self._benchmarks.values() if own.type == "time"])

    def calibrate(self) -> None:
        """Try every benchmark once on both arms, and again what failed on one of them.

        What only the clock can judge goes first; the rest is tried briefly.
        """
        same_work = self._same_work()
        tried = {block.benchmark for block in self._journal.blocks if block.stage == "calibration"}
        untried = [own for own in self._benchmarks.values() if own.key not in tried]
        for brief in (False, True):
            some = [own for own in untried if (own.key in same_work) == brief]
            if some:
                self._progress(0, self._total, "trying every benchmark")
                self._try(some, 0, brief)
        failed_once = [own for own in self._benchmarks.values() if retry(self._blocks.of(own.key))]
        if failed_once:
            self._try(failed_once, 1)

    def screen(self) -> None:
        """Measure blocks of everything: a light look at what did the same work, more of the rest.

        What is too noisy to be judged by so few gets more, and what looks slower than its work is.
        """
        same_work = self._same_work()
        calibration = self._read_calibration(same_work)
        if not self._journal.run.plan.calls:
            self._plan_screen(calibration, same_work)
        plan = self._journal.run.plan
        left_out = {row.benchmark for row in plan.left_out}
        timed = [
            key
            for key in calibration.costs.benchmarks
            if key not in same_work and key not in left_out
        ]
        if plan.affordable_blocks:
            return  # resumed: the confirmation was planned from the screen as it is
        wanted = dict.fromkeys(timed, plan.screen_blocks)
        wanted |= dict.fromkeys(plan.looked_at, self._rule.look)
        self._screen(wanted, calibration)
        ratios = log_ratios(self._journal.blocks, "screen")
        looked_at = {key: ratios.get(key, []) for key in plan.looked_at}
        suspects = suspicious(looked_at, self._work(), self._rule)
        self._screen(dict.fromkeys(suspects, self._rule.screen), calibration)
        self._screen_noisy(timed, calibration)

    def _screen(self, wanted: Mapping[str, int], calibration: Calibration) -> None:
        """Measure so many blocks of each, as far as there is time."""
        self._total = max(wanted.values(), default=1)
        for number in range(max(wanted.values(), default=0)):
            share = SCREENED if number >= self._rule.fewest_screen else OVER
            if self.elapsed_seconds > share * self._budget:
                break
            keys, *rest = (
                [key for key in wanted if wanted[key] > later]
                for later in range(number, max(wanted.values()))
            )
            end = SCREENED * self._budget - self._blocks.seconds_for(rest, PAIR, calibration)
            self._progress(number, self._total, f"screen, block {number + 1}")
            self._blocks.measure("screen", number, keys, PAIR, calibration, end)

    def _screen_noisy(self, keys: Sequence[str], calibration: Calibration) -> None:
        """Measure more blocks of what is too noisy to be judged."""
        number = self._journal.run.plan.screen_blocks
        while self.elapsed_seconds < EXTENDED * self._budget and number < self._rule.most_screen:
            ratios = log_ratios(self._journal.blocks, "screen")
            too_noisy = noisy({key: ratios.get(key, []) for key in keys}, self._rule)
            if not too_noisy:
                break
            self._total = number + 1
            end = EXTENDED * self._budget
            self._progress(number, self._total, f"screen, block {number + 1}")
            self._blocks.measure("screen", number, too_noisy, PAIR, calibration, end)
            number += 1

    def confirm(self) -> None:
        """Measure fresh blocks, with a second copy of base, of what the screen promoted."""
        calibration = self._read_calibration(self._same_work())
        if not self._journal.run.plan.affordable_blocks:
            self._plan_confirmation(calibration)
        planned = self._journal.run.plan.confirmation_blocks
        if any(planned.values()):
            self._caches.forget()
            self._compile_control()
        before = self._total
        self._total += max(planned.values(), default=0)
        for number in range(max(planned.values(), default=0)):
            if self.elapsed_seconds > OVER * self._budget:
                break
            keys, *rest = (
                [key for key in planned if planned[key] > later]
                for later in range(number, max(planned.values()))
            )
            end = OVER * self._budget - self._blocks.seconds_for(rest, WITH_CONTROL, calibration)
            self._progress(before + number, self._total, f"confirmation, block {number + 1}")
            self._blocks.measure("confirmation", number, keys, WITH_CONTROL, calibration, end)

    def _compile_control(self) -> None:
        """Compile the second copy of base, so that its first block finds bytecode as base's did."""
        self._trees.arrange(self._blocks.turn(WITH_CONTROL, "confirmation", 0).sides)
        with contextlib.suppress(CannotImport):  # then base does not load it either
            self._arms.discover("control")

    def _try(self, benchmarks: Sequence[Benchmark], attempt: int, brief: bool = False) -> None:
        turn = replace(self._blocks.turn(PAIR, "calibration", attempt), order=PAIR)
        self._trees.arrange(turn.sides)
        seeds = self._blocks.seeds("calibration", attempt)
        # Once more is for what failed, and that is a finding: however little time there is.
        left = None if attempt else max(0.0, self._budget - self.elapsed_seconds / SCREENED)
        trial = FirstTrial(
            self._sampler, self._budget, seeds, lambda: self.elapsed_seconds, brief, left
        )
        readings = trial.both(benchmarks)
        if attempt == 0:
            start = self._sampler.start_seconds
            self._journal.update_run(
                msgspec.structs.replace(self._journal.run, start_seconds=start)
            )
        for benchmark in benchmarks:
            self._blocks.append("calibration", attempt, benchmark.key, turn, readings)

    def _plan_screen(self, calibration: Calibration, same_work: Collection[str]) -> None:
        """Plan what only the clock can judge first; the rest is looked at in what is left."""
        costs, work = calibration.costs, self._work()
        left = SCREENED * self._budget - self.elapsed_seconds
        timed = {key: cost for key, cost in costs.benchmarks.items() if key not in same_work}
        blocks = 0
        left_out: list[LeftOut] = []
        if timed:
            remaining = Remaining(left, self._budget, SCREENED)
            blocks, left_out = plan_screen(
                replace(costs, benchmarks=timed), remaining, self._rule, work
            )
            out = {row.benchmark for row in left_out}
            left -= 2 * blocks * costs.process([key for key in timed if key not in out])
        looked_at = [key for key in costs.benchmarks if key in same_work]
        left += (LOOKED - SCREENED) * self._budget
        self._keep_plan(
            calls=calibration.effort.calls,
            batches=calibration.effort.batches,
            screen_blocks=blocks,
            looked_at=plan_look(costs, looked_at, left, self._rule.look),
            left_out=left_out,
        )

    def _plan_confirmation(self, calibration: Calibration) -> None:
        """Plan the confirmation now, before any of its blocks is measured."""
        ratios = log_ratios(self._journal.blocks, "screen")
        live = {key: values for key, values in ratios.items() if self._blocks.is_measured(key)}
        work = self._work()
        left = OVER * self._budget - self.elapsed_seconds
        self._keep_plan(
            confirmation_blocks=plan_confirmation(live, work, calibration.costs, left, self._rule),
            affordable_blocks=affordable(calibration.costs, left, self._rule),
        )

    def _keep_plan(self, **fields: object) -> None:
        run = self._journal.run
        plan = msgspec.structs.replace(run.plan, **fields)
        self._journal.update_run(msgspec.structs.replace(run, plan=plan))

    def _read_calibration(self, same_work: Collection[str]) -> Calibration:
        run = self._journal.run
        blocks = [block for block in self._journal.blocks if block.stage == "calibration"]
        measured = calibrate(
            list(self._benchmarks.values()), blocks, run.start_seconds or 0.0, same_work
        )
        if not run.plan.calls:
            return measured
        return Calibration(SamplingEffort(run.plan.calls, run.plan.batches), measured.costs)

    def _work(self) -> dict[str, WorkEvidence]:
        return work_of(self._journal.blocks, self._rule)

    def _same_work(self) -> set[str]:
        return {key for key, evidence in self._work().items() if not evidence.needs_time}
