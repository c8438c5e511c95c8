"""The stages of a comparison: count, try, screen, confirm. Each resumes where it was cut short.

The policy is one: rounds until the time is over. Which benchmarks a stage begins with depends on
what they cost, how many blocks it wants on the spread of those before it, and when its rounds end
on the time alone: nothing of it on whether base or head was faster.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import msgspec

from perceptron.gate.blocks import Blocks, Round
from perceptron.gate.counting.stage import CountingStage
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.discovery import CannotImport
from perceptron.gate.sampling.sampler import Caches, Sampler
from perceptron.gate.sampling.schedule import Calibration, fitting
from perceptron.gate.sampling.trial import Trial, calibrate
from perceptron.gate.verdict.judge import log_ratios
from perceptron.gate.verdict.outcome import is_far_slower_once, retry
from perceptron.gate.verdict.promotion import confirmation_sizes, promote, suspicious
from perceptron.gate.verdict.rule import Rule, noisy
from perceptron.gate.verdict.work import NOT_COUNTED, WorkEvidence, work_of
from perceptron.records.block import Arm, Benchmark, Stage
from perceptron.records.comparison import LeftOut

# (blocks done, blocks in all as far as known, what is being done)
Progress = Callable[[int, int, str], None]
Clock = Callable[[], float]

PAIR: tuple[Arm, ...] = ("base", "head")
WITH_CONTROL: tuple[Arm, ...] = ("base", "head", "control")
# Shares of the time that counting leaves, by which a stage must be over: the trial, the screen,
# more blocks of what is too noisy, and the look at what did the same work. The rest is to confirm.
TRIED, SCREENED, EXTENDED, LOOKED = 0.35, 0.7, 0.8, 0.9
# Of the budget: what the trial of one benchmark may take, and at least.
_TRIAL_SHARE, _TRIAL_SECONDS = 1 / 40, 10.0


class Stages:
    """One comparison, from the journal's last block to its end.

    ``spent`` are seconds of the budget that had passed when it began, and ``why`` follows each
    reason that there was no time.
    """

    def __init__(
        self,
        arms: Arms,
        benchmarks: Sequence[Benchmark],
        journal: ComparisonJournal,
        rule: Rule,
        progress: Progress,
        valgrind: Valgrind | None = None,
        clock: Clock = time.monotonic,
        spent: float = 0.0,
        why: str = "",
    ) -> None:
        self._arms = arms
        self._trees = arms.trees
        self._valgrind = valgrind
        self.caches = Caches(arms)
        """What `setup_cache` returned so far."""
        self._sampler = Sampler(arms, self.caches, clock)
        self._benchmarks = {benchmark.key: benchmark for benchmark in benchmarks}
        self._journal = journal
        self._rule = rule
        self._progress = progress
        self._clock = clock
        self._begin = clock() - journal.elapsed_seconds - spent
        self._spent = spent
        self._why = why
        self._doing = (0, 1, "")
        self._blocks = Blocks(
            arms, self._sampler, benchmarks, journal, lambda: self.elapsed_seconds, self._tell
        )

    @property
    def elapsed_seconds(self) -> float:
        """Seconds of all starts together."""
        return self._clock() - self._begin

    @property
    def _budget(self) -> float:
        return self._journal.run.plan.budget_seconds

    def _until(self, share: float) -> float:
        """Return when so much of the time is over that discovery and counting left."""
        counts = (own.elapsed_seconds for own in self._journal.blocks if own.stage == "count")
        counted = max(counts, default=self._spent)
        return counted + share * (self._budget - counted)

    def count(self) -> None:
        """Count the instructions of every benchmark, where there is something to count with.

        It comes first: CPU contention does not change a count, and what did the same work needs
        little else.
        """
        if self._valgrind is None or self._journal.run.plan.calls:
            return  # resumed: the screen was planned from the counts as they are
        stage = CountingStage(
            self._arms,
            self.caches,
            self._valgrind,
            self._journal,
            self._rule,
            self._progress,
            lambda: self.elapsed_seconds,
        )
        stage.run([own for own in self._benchmarks.values() if own.type == "time"])

    def calibrate(self) -> None:
        """Try every benchmark once on both arms, and again what failed on one of them.

        What only the clock can judge goes first, and one set of parameters of each function. To
        fail again is a finding: it has more time. What did the same work and took far longer is
        tried again too: its first trial may have been the machine's.
        """
        same_work = self._same_work()
        tried = {block.benchmark for block in self._journal.blocks if block.stage == "calibration"}
        untried = [own for own in self._benchmarks.values() if own.key not in tried]
        if untried:
            untried.sort(key=lambda own: (own.key in same_work, own.index or 0))
            self._try(untried, 0, self._until(TRIED))
        blocks = self._blocks.by_benchmark()
        failed_once = [own for own in self._benchmarks.values() if retry(blocks.get(own.key, []))]
        if failed_once:
            self._try(failed_once, 1, self._until(LOOKED))
        far_slower = [
            own
            for own in self._benchmarks.values()
            if own.key in same_work and is_far_slower_once(blocks.get(own.key, []))
        ]
        if far_slower:
            self._try(far_slower, 1, self._until(LOOKED))

    def screen(self) -> None:
        """Measure blocks of everything; more of what is too noisy to be judged by so few, unless it
        is a value.

        What did the same work has a light look in what time is left, and the blocks of a whole
        screen where it looks slower than its work is. Then the confirmation is planned, before any
        of its blocks is measured.
        """
        if self._journal.run.screened:
            return
        same_work = self._same_work()
        calibration = self._calibration(same_work)
        if not self._journal.run.plan.calls:
            self._plan_screen(calibration, same_work)
        plan = self._journal.run.plan
        out = {row.benchmark for row in plan.left_out}
        timed = [key for key in calibration.costs.benchmarks if key not in same_work | out]
        values = [key for key in timed if self._is_value(key)]
        sizes = dict.fromkeys(timed, plan.screen_blocks)
        sizes |= dict.fromkeys(values, min(plan.screen_blocks, self._rule.look))
        rounds = self._rounds(
            "screen", sizes, calibration, self._until(SCREENED), self._rule.fewest_screen
        )
        self._keep_plan(screen_blocks=rounds)
        self._screen_noisy([key for key in timed if key not in values], calibration)
        self._look(same_work, calibration)
        self._plan_confirmation(calibration)

    def confirm(self) -> None:
        """Measure fresh blocks, with a second copy of base, of what the screen promoted."""
        sizes = self._journal.run.plan.confirmation_blocks
        if any(sizes.values()):
            self.caches.forget()
            self._compile_control()
            calibration = self._calibration(self._same_work())
            fewest = self._rule.fewest_confirmation
            self._rounds("confirmation", sizes, calibration, self._budget, fewest)

    def _try(self, benchmarks: Sequence[Benchmark], attempt: int, end: float) -> None:
        turn = replace(self._blocks.turn(PAIR, "calibration", attempt), order=PAIR)
        self._trees.arrange(turn.sides)
        self._say(0, len(benchmarks), "trying every benchmark")
        trial = Trial(
            self._sampler,
            self._blocks.seeds("calibration", attempt),
            lambda: self.elapsed_seconds,
            end,
            max(_TRIAL_SECONDS, _TRIAL_SHARE * self._budget),
            self._tell,
            self._why,
        )
        readings = trial.both(benchmarks)
        if attempt == 0:
            self._keep(start_seconds=self._sampler.start_seconds)
        for benchmark in benchmarks:
            self._blocks.append("calibration", attempt, benchmark.key, turn, readings)

    def _plan_screen(self, calibration: Calibration, same_work: Collection[str]) -> None:
        """Plan what only the clock can judge, first what did more work: the clock may contradict.

        What the fewest blocks do not fit of is left out.
        """
        costs, work = calibration.costs, self._work()
        order = sorted(
            (key for key in costs.benchmarks if key not in same_work),
            key=lambda key: (work.get(key, NOT_COUNTED).kind != "rose", costs.benchmarks[key]),
        )
        left = self._until(SCREENED) - self.elapsed_seconds
        kept = fitting(order, costs, left, self._rule.fewest_screen, len(PAIR))
        self._keep_plan(
            calls=calibration.calls,
            batches=calibration.batches,
            screen_blocks=self._rule.screen if kept else 0,
            left_out=[
                LeftOut(
                    benchmark=key,
                    reason=f"one block takes {len(PAIR) * costs.process([key]):.1f} s: too long "
                    f"for the time that was left{self._why}",
                )
                for key in order
                if key not in kept
            ],
        )

    def _rounds(
        self,
        stage: Stage,
        sizes: Mapping[str, int],
        calibration: Calibration,
        end: float,
        fewest: int = 0,
    ) -> int:
        """Measure so many blocks of each, in rounds, until the ``end``.

        The ``fewest``, without which nothing is judged, go on until everything must be over. Return
        how many rounds there were.
        """
        arms = WITH_CONTROL if stage == "confirmation" else PAIR
        blocks = [own for own in self._journal.blocks if own.stage == stage]
        begun = {block.number for block in blocks if block.benchmark in sizes}
        most = max(sizes.values(), default=0)
        rounds = [
            Round(stage, number, [key for key in sizes if sizes[key] > number], arms)
            for number in range(most)
        ]
        seconds = [len(arms) * calibration.costs.process(own.keys) for own in rounds]
        for number, one in enumerate(rounds):
            needed, until = (0.0, self._budget) if number < fewest else (seconds[number], end)
            if number not in begun and self.elapsed_seconds + needed > until:
                return number
            self._measure(one, most, calibration, end - sum(seconds[number + 1 :]))
        return most

    def _screen_noisy(self, keys: Sequence[str], calibration: Calibration) -> None:
        """Measure more blocks of what is too noisy to be judged.

        By the blocks before each: resumed, it goes on with the same.
        """
        end = self._until(EXTENDED)
        for number in range(self._journal.run.plan.screen_blocks, self._rule.most_screen):
            before = [block for block in self._journal.blocks if block.number < number]
            ratios = log_ratios(before, "screen")
            too_noisy = noisy({key: ratios.get(key, []) for key in keys}, self._rule)
            if not too_noisy or self.elapsed_seconds > end:
                break
            self._measure(Round("screen", number, too_noisy, PAIR), number + 1, calibration, end)

    def _look(self, same_work: set[str], calibration: Calibration) -> None:
        """Look at what did the same work, as far as there is time: cheapest first.

        What is not looked at is judged by its work alone.
        """
        costs, rule, end = calibration.costs, self._rule, self._until(LOOKED)
        if not self._journal.run.plan.looked_at:
            order = sorted(same_work & costs.benchmarks.keys(), key=costs.benchmarks.__getitem__)
            left = end - self.elapsed_seconds
            self._keep_plan(looked_at=fitting(order, costs, left, rule.look, len(PAIR)))
        looked_at = self._journal.run.plan.looked_at
        self._rounds("screen", dict.fromkeys(looked_at, rule.look), calibration, end)
        ratios = log_ratios(self._journal.blocks, "screen")
        suspects = suspicious({key: ratios.get(key, []) for key in looked_at}, self._work(), rule)
        self._rounds("screen", dict.fromkeys(suspects, rule.screen), calibration, end)

    def _plan_confirmation(self, calibration: Calibration) -> None:
        """Plan as many blocks as the screen's spread asks for; none of what there is no time for.

        The most significant goes first. What `setup_cache` returns is made again, for three arms.
        """
        ratios = log_ratios(self._journal.blocks, "screen")
        measured = self._blocks.measured()
        live = {
            key: own for key, own in ratios.items() if key in measured and not self._is_value(key)
        }
        promoted = promote(live, self._rule, self._work())
        left = self._budget - self.elapsed_seconds - 1.5 * self.caches.seconds
        fewest = self._rule.fewest_confirmation
        kept = fitting(promoted, calibration.costs, left, fewest, len(WITH_CONTROL))
        sizes = confirmation_sizes(live, promoted, self._rule)
        self._keep_plan(
            confirmation_blocks={key: size if key in kept else 0 for key, size in sizes.items()}
        )
        self._keep(screened=True)  # resumed in between, it is planned again

    def _is_value(self, key: str) -> bool:
        """Return whether it is compared as it is, by a few blocks."""
        return self._benchmarks[key].type != "time"

    def _compile_control(self) -> None:
        """Compile the second copy of base, so that its first block finds bytecode as base's did."""
        self._trees.arrange(self._blocks.turn(WITH_CONTROL, "confirmation", 0).sides)
        with contextlib.suppress(CannotImport):  # then base does not load it either
            self._arms.discover("control")

    def _measure(self, one: Round, most: int, calibration: Calibration, end: float) -> None:
        self._say(one.number, most, f"{one.stage}, block {one.number + 1}")
        self._blocks.measure(one, calibration, end)

    def _say(self, done: int, total: int, message: str) -> None:
        self._doing = (done, total, message)
        self._progress(*self._doing)

    def _tell(self, key: str) -> None:
        """Tell the benchmark that was measured or tried."""
        done, total, message = self._doing
        self._progress(done, total, f"{message}: {key}")

    def _keep(self, **fields: object) -> None:
        self._journal.update_run(msgspec.structs.replace(self._journal.run, **fields))

    def _keep_plan(self, **fields: object) -> None:
        self._keep(plan=msgspec.structs.replace(self._journal.run.plan, **fields))

    def _calibration(self, same_work: Collection[str]) -> Calibration:
        run = self._journal.run
        blocks = [block for block in self._journal.blocks if block.stage == "calibration"]
        benchmarks = list(self._benchmarks.values())
        measured = calibrate(benchmarks, blocks, run.start_seconds or 0.0, same_work)
        if not run.plan.calls:
            return measured
        return replace(measured, calls=run.plan.calls, batches=run.plan.batches)

    def _work(self) -> dict[str, WorkEvidence]:
        return work_of(self._journal.blocks, self._rule)

    def _same_work(self) -> set[str]:
        return {key for key, evidence in self._work().items() if not evidence.needs_time}
