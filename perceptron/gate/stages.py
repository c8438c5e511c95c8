"""The stages of a comparison: count, try, screen, confirm. Each resumes where it was interrupted.

Rounds repeat until the time is over. The costs of benchmarks decide which ones a stage begins with,
the spread of earlier blocks decides how many blocks it wants, and the time alone decides when its
rounds end. None of this depends on whether base or head was faster. Benchmarks of equal
instructions get more rounds while their times are too noisy, until a benchmark is to be confirmed,
whether slower or faster.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from perceptron.gate.counting.stage import CountingStage
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.sampling import schedule
from perceptron.gate.sampling.discovery import CannotImport
from perceptron.gate.sampling.processes import Seeds
from perceptron.gate.sampling.sampler import Sampler
from perceptron.gate.sampling.schedule import Calibration, Costs, fitting
from perceptron.gate.sampling.sides import Sides
from perceptron.gate.sampling.trial import calibrate, try_both
from perceptron.gate.verdict.instructions import (
    NOT_COUNTED,
    InstructionEvidence,
    instruction_evidence,
)
from perceptron.gate.verdict.judge import log_ratios
from perceptron.gate.verdict.outcome import is_far_slower_once, outcome, retry
from perceptron.gate.verdict.promotion import confirmation_sizes, promote, suspicious
from perceptron.gate.verdict.rule import Rule, noisy
from perceptron.gate.verdict.waits import always_waiting
from perceptron.records.block import (
    PAIR,
    Benchmark,
    Block,
    Side,
    SideMeasurement,
    Stage,
    by_benchmark,
    waiting_sides,
)
from perceptron.records.comparison import ComparisonPlan, LeftOut

# (blocks done, blocks in all as far as known, current step)
Progress = Callable[[int, int, str], None]
Clock = Callable[[], float]

WITH_CONTROL: tuple[Side, ...] = (*PAIR, "control")
# Shares of the time left by counting at which a stage must end: the trial, the screen, more blocks
# of noisy times, and the probe of equal instructions. The rest is for the confirmation.
TRIED, SCREENED, EXTENDED, LOOKED = 0.35, 0.7, 0.8, 0.9
# Share of the time left then for more blocks of equal instructions. A confirmation, of three sides
# and at a stricter level, takes twice as long as a screen of the same power.
SHARPENED = 1 / 3
# Of the budget: the longest trial of a benchmark, and its least time limit.
_TRIAL_SHARE, _TRIAL_SECONDS = 1 / 40, 10.0
# A benchmark counts as hanging after this multiple of its expected time.
_PATIENCE = 4.0
MOST_RETAKES = 2


class Screened(NamedTuple):
    """The screen's times so far."""

    ratios: dict[str, list[float]]
    """Log-ratios of each benchmark that is a time."""
    promoted: dict[str, int]
    """The benchmarks to confirm; see `promote`."""


class Stages:
    """One comparison, from the journal's last block to its end.

    ``spent`` is the part of the budget, in seconds, that had passed when it began.
    """

    def __init__(
        self,
        sides: Sides,
        benchmarks: Sequence[Benchmark],
        journal: ComparisonJournal,
        rule: Rule,
        progress: Progress,
        valgrind: Valgrind | None = None,
        clock: Clock = time.monotonic,
        spent: float = 0.0,
    ) -> None:
        self._trees = sides.trees
        self._valgrind = valgrind
        self.sampler = Sampler(sides, clock)
        """Keeps what `setup_cache` has returned so far."""
        self._benchmarks = {benchmark.key: benchmark for benchmark in benchmarks}
        self._journal = journal
        self._rule = rule
        self._progress = progress
        self._clock = clock
        self._begin = clock() - journal.elapsed_seconds - spent
        self._spent = spent
        self._doing = (0, 1, "")
        self._calibration: Calibration  # of the stage that measures

    @property
    def elapsed_seconds(self) -> float:
        """Seconds of all starts together."""
        return self._clock() - self._begin

    @property
    def _plan(self) -> ComparisonPlan:
        return self._journal.run.plan

    @property
    def _budget(self) -> float:
        return self._plan.budget_seconds

    @property
    def _costs(self) -> Costs:
        return self._calibration.costs

    def _of(self, stage: Stage) -> list[Block]:
        return [block for block in self._journal.blocks if block.stage == stage]

    def _measured(self) -> set[str]:
        """Return the keys of the benchmarks with numbers on both sides."""
        by_key = by_benchmark(self._journal.blocks)
        return {key for key, blocks in by_key.items() if outcome(blocks).kind == "measured"}

    def _turn(self, stage: Stage, number: int) -> schedule.Turn:
        """Return the turn of a block, drawn from the comparison's seed."""
        return schedule.turn(_sides(stage), self._plan.seed, stage, number)

    def _seeds(self, stage: Stage, number: int) -> Seeds:
        """Return the seeds of a block's processes."""
        return schedule.seeds(self._plan.seed, stage, number)

    def _until(self, share: float) -> float:
        """Return the elapsed seconds at this share of the time that discovery and counting left."""
        counted = max((block.elapsed_seconds for block in self._of("count")), default=self._spent)
        return counted + share * (self._budget - counted)

    def count(self) -> None:
        """Count the instructions of every benchmark, if valgrind is available.

        Counting comes first: CPU contention does not change a count, and benchmarks of equal
        instructions need little else.
        """
        if self._valgrind is None or self._plan.calls:
            return  # resumed: the screen was planned from the counts as they are
        stage = CountingStage(
            self.sampler,
            self._valgrind,
            self._journal,
            self._rule,
            self._progress,
            lambda: self.elapsed_seconds,
        )
        stage.run(
            [benchmark for benchmark in self._benchmarks.values() if benchmark.type == "time"]
        )

    def calibrate(self) -> None:
        """Try every benchmark once on both sides, then again those that failed on one of them.

        Benchmarks that only the clock can judge go first, with one set of parameters of each
        function. Second trials have more time, because a second failure decides. A benchmark of
        equal instructions that took far longer is tried again too: CPU contention may have slowed
        its first trial.
        """
        same_instructions, everything = self._same_instructions(), self._benchmarks.values()
        tried = {block.benchmark for block in self._of("calibration")}
        untried = [benchmark for benchmark in everything if benchmark.key not in tried]
        untried.sort(
            key=lambda benchmark: (benchmark.key in same_instructions, benchmark.index or 0)
        )
        self._try(untried, 0, self._until(TRIED))
        blocks = by_benchmark(self._journal.blocks)
        again = [
            benchmark
            for benchmark in everything
            if retry(trials := blocks.get(benchmark.key, []))
            or (benchmark.key in same_instructions and is_far_slower_once(trials))
        ]
        self._try(again, 1, self._until(LOOKED))

    def screen(self) -> None:
        """Measure blocks of all benchmarks, and more of the times that are too noisy to judge.

        Values get no more blocks. In the time left, benchmarks of equal instructions are probed.
        Those that look slower get as many blocks as a screen has, and those with noisy times more.
        Then the confirmation is planned, before any of its blocks is measured.
        """
        if self._journal.run.screened:
            return
        same_instructions = self._same_instructions()
        self._calibration = self._calibrated(same_instructions)
        if not self._plan.calls:
            self._plan_screen(same_instructions)
        plan = self._plan
        out = {row.benchmark for row in plan.left_out}
        timed = [key for key in self._costs.benchmarks if key not in same_instructions | out]
        values = [key for key in timed if self._is_value(key)]
        sizes = dict.fromkeys(timed, plan.screen_blocks)
        sizes |= dict.fromkeys(values, min(plan.screen_blocks, self._rule.probe))
        end, fewest = self._until(SCREENED), self._rule.fewest_screen
        rounds = self._rounds("screen", sizes, end, fewest)
        self._keep_plan(screen_blocks=rounds)
        times = [key for key in timed if key not in values]
        self._extend(times, self._plan.screen_blocks, self._until(EXTENDED))
        self._look(same_instructions)
        self._sharpen()
        self._plan_confirmation()

    def confirm(self) -> None:
        """Measure fresh blocks of the promoted benchmarks, with a second copy of base."""
        sizes = self._plan.confirmation_blocks
        if any(sizes.values()):
            self.sampler.forget_caches()
            self._compile_control()
            self._calibration = self._calibrated(self._same_instructions())
            fewest = self._rule.fewest_confirmation
            self._rounds("confirmation", sizes, self._budget, fewest)

    def _try(self, benchmarks: Sequence[Benchmark], attempt: int, end: float) -> None:
        if not benchmarks:
            return
        turn = replace(self._turn("calibration", attempt), order=PAIR)
        self._trees.arrange(turn.folders)
        self._say(0, len(benchmarks), "trying every benchmark")
        measurements = try_both(
            self.sampler,
            benchmarks,
            self._seeds("calibration", attempt),
            lambda: self.elapsed_seconds,
            end,
            max(_TRIAL_SECONDS, _TRIAL_SHARE * self._budget),
            self._tell,
        )
        if attempt == 0:
            self._keep(start_seconds=self.sampler.start_seconds)
        for benchmark in benchmarks:
            self._append("calibration", attempt, benchmark.key, turn, measurements)

    def _plan_screen(self, same_instructions: Collection[str]) -> None:
        """Plan the benchmarks that only the clock can judge, first those with more instructions.

        The clock may contradict a count. Benchmarks whose fewest blocks do not fit are left out.
        """
        costs, instructions = self._costs, self._instructions()
        order = sorted(
            (key for key in costs.benchmarks if key not in same_instructions),
            key=lambda key: (
                instructions.get(key, NOT_COUNTED).kind != "rose",
                costs.benchmarks[key],
            ),
        )
        left = self._until(SCREENED) - self.elapsed_seconds
        fitted = fitting(order, costs, left, self._rule.fewest_screen, len(PAIR))
        self._keep_plan(
            calls=self._calibration.calls,
            batches=self._calibration.batches,
            screen_blocks=self._rule.screen if fitted else 0,
            left_out=[
                LeftOut(
                    benchmark=key,
                    reason=f"one block takes {len(PAIR) * costs.process([key]):.1f} s: too long "
                    "for the time that was left",
                )
                for key in order
                if key not in fitted
            ],
        )

    def _rounds(self, stage: Stage, sizes: Mapping[str, int], end: float, fewest: int = 0) -> int:
        """Measure ``sizes`` blocks of each benchmark in rounds until ``end``; return the rounds.

        The first ``fewest`` rounds, without which nothing is judged, may last until the budget
        ends.
        """
        begun = {block.number for block in self._of(stage) if block.benchmark in sizes}
        most = max(sizes.values(), default=0)
        rounds = [[key for key in sizes if sizes[key] > number] for number in range(most)]
        seconds = [len(_sides(stage)) * self._costs.process(keys) for keys in rounds]
        for number, keys in enumerate(rounds):
            needed, until = (0.0, self._budget) if number < fewest else (seconds[number], end)
            if number not in begun and self.elapsed_seconds + needed > until:
                return number
            self._say(number, most, f"{stage}, block {number + 1}")
            self._block(stage, number, keys, end - sum(seconds[number + 1 :]))
        return most

    def _block(self, stage: Stage, number: int, keys: Sequence[str], end: float) -> None:
        """Measure one block of those benchmarks that do not have it yet.

        Benchmarks in which one side alone waited are measured again, if time remains before
        ``end``: planned blocks go first. A retake has the order, folders and hash seed of its
        block, so that retakes do not change how often each order counts.
        """
        measured = {block.benchmark for block in self._of(stage) if block.number == number}
        self._take(stage, number, 0, keys, set(keys) - measured)
        for take in range(1, MOST_RETAKES + 1):
            todo = due(self._journal.blocks, stage, number, take)
            seconds = len(_sides(stage)) * self._costs.process(sorted(todo))
            if todo and self.elapsed_seconds + seconds <= end:
                self._take(stage, number, take, keys, todo)

    def _take(
        self, stage: Stage, number: int, take: int, keys: Sequence[str], todo: Collection[str]
    ) -> None:
        """Measure ``todo``, grouped into processes as all ``keys`` of the block are.

        A process is started only if the comparison's remaining time suffices for it.
        """
        turn, seeds = self._turn(stage, number), self._seeds(stage, number)
        todo = self._measured().intersection(todo)
        wanted = [self._benchmarks[key] for key in keys]
        self._trees.arrange(turn.folders)
        for group in schedule.groups(wanted, self._costs, self._plan.seed, stage, number):
            together = [benchmark for benchmark in group if benchmark.key in todo]
            seconds = len(turn.order) * self._costs.process(
                [benchmark.key for benchmark in together]
            )
            if together and self.elapsed_seconds + seconds <= self._budget:
                measurements = {side: self._sample(side, together, seeds) for side in turn.order}
                for benchmark in together:
                    self._append(stage, number, benchmark.key, turn, measurements, take)

    def _sample(
        self, side: Side, todo: Sequence[Benchmark], seeds: Seeds
    ) -> dict[str, SideMeasurement]:
        def limit(benchmark: Benchmark) -> float:
            return max(benchmark.timeout, _PATIENCE * self._costs.benchmarks[benchmark.key])

        measurements: dict[str, SideMeasurement] = {}
        for key, measurement in self.sampler.sample(side, todo, self._calibration, seeds, limit):
            measurements[key] = measurement
            self._tell(key)
        return measurements

    def _append(
        self,
        stage: Stage,
        number: int,
        key: str,
        turn: schedule.Turn,
        measurements: Mapping[Side, Mapping[str, SideMeasurement]],
        take: int = 0,
    ) -> None:
        """Append one benchmark's block of the sides' measurements to the journal."""
        self._journal.append(
            Block(
                stage=stage,
                number=number,
                take=take,
                benchmark=key,
                order=list(turn.order),
                folders=turn.folders,
                base=measurements["base"][key],
                head=measurements["head"][key],
                control=measurements["control"][key] if "control" in measurements else None,
                elapsed_seconds=self.elapsed_seconds,
            )
        )

    def _extend(
        self, keys: Sequence[str], first: int, end: float, same_instructions: bool = False
    ) -> bool:
        """Measure more blocks, from number ``first`` on, of benchmarks too noisy to judge.

        The blocks before each decide, so that a resumed comparison continues with the same ones.
        Where time is short, the cheapest continue: enough blocks of a few benchmarks decide more
        than a few blocks of each. Return whether there was time for any.
        """
        rule, costs, measured = self._rule, self._costs, False
        for number in range(first, rule.most_screen):
            screen = self._of("screen")
            ratios = log_ratios((block for block in screen if block.number < number), "screen")
            too_noisy = noisy({key: ratios.get(key, []) for key in keys}, rule, same_instructions)
            measured_before = {block.benchmark for block in screen if block.number == number}
            unmeasured = self._measured() - measured_before
            lacking = [key for key in too_noisy if key in unmeasured]
            lacking.sort(key=costs.benchmarks.__getitem__)
            # Up to a whole screen the probe alone decides what equal instructions could hide.
            blocks = max(1, rule.screen + 1 - number) if same_instructions else 1
            fitted = fitting(lacking, costs, end - self.elapsed_seconds, blocks, len(PAIR))
            keys = [key for key in too_noisy if key in measured_before or key in fitted]
            if not keys:
                break
            if fitted:
                self._say(number, number + 1, f"screen, block {number + 1}")
                self._block("screen", number, keys, end)
                measured = True
        return measured

    def _look(self, same_instructions: set[str]) -> None:
        """Probe the benchmarks of equal instructions, cheapest first, as far as time allows.

        The rest is judged by instructions alone.
        """
        costs, rule, end = self._costs, self._rule, self._until(LOOKED)
        order = sorted(
            same_instructions & costs.benchmarks.keys(), key=costs.benchmarks.__getitem__
        )
        more = prechecked = self._plan.prechecked
        while True:  # time remains where a probe took less than planned
            self._rounds("screen", dict.fromkeys(more, rule.probe), end)
            left, others = (
                end - self.elapsed_seconds,
                [key for key in order if key not in prechecked],
            )
            more = fitting(others, costs, left, rule.probe, len(PAIR))
            if not more:
                break
            prechecked = [*prechecked, *more]
            self._keep_plan(prechecked=prechecked)
        ratios = log_ratios(self._journal.blocks, "screen")
        suspects = suspicious(
            {key: ratios.get(key, []) for key in prechecked}, self._instructions(), rule
        )
        self._rounds("screen", dict.fromkeys(suspects, rule.screen), end)

    def _sharpen(self) -> None:
        """Measure more of equal instructions where a 10% slowdown could hide in noisy times.

        This takes a share of the time that is left, and again of the rest while no benchmark is to
        be confirmed. The fewest blocks of one confirmation keep their time until only this needs
        it: a benchmark that looks slower only then is not confirmed, and not clean.
        """
        keys, fewest = self._plan.prechecked, self._rule.fewest_confirmation
        dearest = max((self._costs.process([key]) for key in keys), default=0.0)
        reserved = fewest * len(WITH_CONTROL) * dearest + 1.5 * self.sampler.cache_seconds
        share = SHARPENED
        while True:
            now = self.elapsed_seconds
            end = now + share * (self._budget - reserved - now)
            measured = self._extend(keys, self._rule.probe, end, same_instructions=True)
            if self._screened().promoted or not (measured or reserved):
                return
            if not measured:
                reserved, share = 0.0, 1.0

    def _plan_confirmation(self) -> None:
        """Plan as many blocks as the screen's spread asks for, or none where time is too short.

        The most significant benchmark goes first. `setup_cache` runs again, for three sides.
        """
        screened = self._screened()
        left = self._budget - self.elapsed_seconds - 1.5 * self.sampler.cache_seconds
        fewest = self._rule.fewest_confirmation
        fitted = fitting(screened.promoted, self._costs, left, fewest, len(WITH_CONTROL))
        sizes = confirmation_sizes(screened.ratios, screened.promoted, self._rule)
        self._keep_plan(
            confirmation_blocks={key: size if key in fitted else 0 for key, size in sizes.items()}
        )
        self._keep(screened=True)  # resumed in between, it is planned again

    def _screened(self) -> Screened:
        measured = self._measured()
        ratios = {
            key: values
            for key, values in log_ratios(self._journal.blocks, "screen").items()
            if key in measured and not self._is_value(key)
        }
        return Screened(ratios, promote(ratios, self._rule, self._instructions()))

    def _is_value(self, key: str) -> bool:
        """Return whether the benchmark's value is compared as it is, in a few blocks."""
        return self._benchmarks[key].type != "time"

    def _compile_control(self) -> None:
        """Compile the second copy of base, so that its first block finds bytecode as base's did."""
        self._trees.arrange(self._turn("confirmation", 0).folders)
        with contextlib.suppress(CannotImport):  # then base does not load it either
            self.sampler.sides.discover("control")

    def _say(self, done: int, total: int, message: str) -> None:
        self._doing = (done, total, message)
        self._progress(*self._doing)

    def _tell(self, key: str) -> None:
        """Report the benchmark that was measured or tried."""
        done, total, message = self._doing
        self._progress(done, total, f"{message}: {key}")

    def _keep(self, **fields: object) -> None:
        self._journal.update_run(msgspec.structs.replace(self._journal.run, **fields))

    def _keep_plan(self, **fields: object) -> None:
        self._keep(plan=msgspec.structs.replace(self._plan, **fields))

    def _calibrated(self, same_instructions: Collection[str]) -> Calibration:
        run = self._journal.run
        benchmarks, blocks = list(self._benchmarks.values()), self._of("calibration")
        measured = calibrate(benchmarks, blocks, run.start_seconds or 0.0, same_instructions)
        if not run.plan.calls:
            return measured
        return replace(measured, calls=run.plan.calls, batches=run.plan.batches)

    def _instructions(self) -> dict[str, InstructionEvidence]:
        return instruction_evidence(self._journal.blocks, self._rule)

    def _same_instructions(self) -> set[str]:
        return {key for key, evidence in self._instructions().items() if not evidence.needs_time}


def _sides(stage: Stage) -> tuple[Side, ...]:
    """Return the sides that are measured in a stage's blocks."""
    return WITH_CONTROL if stage == "confirmation" else PAIR


def due(blocks: Sequence[Block], stage: Stage, number: int, take: int) -> set[str]:
    """Return the benchmarks for which a block of a stage still lacks this take.

    ``blocks`` are the comparison's blocks so far. Where one side alone waited for a core, the block
    compares a contended process with an uncontended one, and is taken again. The rule depends on
    how long threads waited, not on what was measured, and is the same for all sides: so it cannot
    choose a ratio. Where every side waits, the block stays: its ratio is noisier but fair. Where
    the same side waits alone in every take, its code or a lasting neighbour is the cause.
    """
    takes = [block for block in blocks if (block.stage, block.number) == (stage, number)]
    others = [block for block in blocks if (block.stage, block.number) != (stage, number)]
    measured = {block.benchmark for block in takes if block.take >= take}
    one_sided = {
        block.benchmark
        for block in takes
        if block.take == take - 1 and waiting_sides(block.measurements())
    }
    return {
        key
        for key in one_sided - measured
        if always_waiting(block for block in others if block.benchmark == key) is None
    }
