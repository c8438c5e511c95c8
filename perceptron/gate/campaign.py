"""The stages of a comparison: calibrate, screen, confirm. Each goes on where it was cut short."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from perceptron.errors import UserError
from perceptron.gate import schedule
from perceptron.gate.arms import ALONE, CALIBRATING, Arms, Effort
from perceptron.gate.calibration import Calibration, calibration
from perceptron.gate.journal import Journal
from perceptron.gate.judge import log_ratios
from perceptron.gate.rule import Rule, confirmation_sizes, noisy, promote
from perceptron.gate.state import retry, state
from perceptron.records.block import Arm, Benchmark, Block, Stage, Taken
from perceptron.records.comparison import LeftOut

# (blocks done, blocks in all as far as known, what is being done)
Progress = Callable[[int, int, str], None]
Clock = Callable[[], float]

TWO: tuple[Arm, ...] = ("base", "head")
THREE: tuple[Arm, ...] = ("base", "head", "control")
# Shares of the budget that have passed when a stage must be over.
_TRIED_ONCE, _TRIED, _SCREENED, _EXTENDED, _OVER = 0.2, 0.35, 0.65, 0.75, 1.0
# Of the budget: what one benchmark may take to be tried, and at least.
_TRIAL_SHARE, _TRIAL_SECONDS = 1 / 40, 10.0
# A benchmark that takes longer than expected has so much time before it counts as hanging.
_PATIENCE = 4.0


class Campaign:
    """One comparison, from the journal's last block to its end."""

    def __init__(
        self,
        arms: Arms,
        benchmarks: Sequence[Benchmark],
        journal: Journal,
        rule: Rule,
        progress: Progress,
        clock: Clock = time.monotonic,
    ) -> None:
        self._arms = arms
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
            late = self.elapsed_seconds > _SCREENED * self._budget
            if late and number >= self._rule.fewest_screen:
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
        before = self._total
        self._total += max(planned.values(), default=0)
        for number in range(max(planned.values(), default=0)):
            if self.elapsed_seconds > _OVER * self._budget:
                break
            keys = [key for key in planned if planned[key] > number]
            self._block("confirmation", number, keys, THREE, found, before)

    def _try(self, benchmarks: Sequence[Benchmark], attempt: int) -> None:
        seconds = max(_TRIAL_SECONDS, _TRIAL_SHARE * self._budget)
        turn = schedule.turn(TWO, self._seed, "calibration", attempt)
        self._arms.trees.place(turn.sides)
        found: dict[Arm, dict[str, Taken]] = {}
        left = list(benchmarks)
        for arm, share in zip(turn.order, (_TRIED_ONCE, _TRIED), strict=True):
            found[arm] = self._trial(arm, left, seconds, share * self._budget)
            left = [each for each in left if found[arm][each.key].status != "untried"]
        first, second = turn.order
        for each in benchmarks:  # without a partner it is of no use
            found[second].setdefault(each.key, found[first][each.key])
        for each in benchmarks:
            self._append("calibration", attempt, each.key, turn, found)
        if attempt == 0:
            start = self._arms.start_seconds
            self._journal.keep(msgspec.structs.replace(self._journal.run, start_seconds=start))

    def _trial(
        self, arm: Arm, benchmarks: Sequence[Benchmark], seconds: float, deadline: float
    ) -> dict[str, Taken]:
        """One arm. What is too slow costs its function's other parameters their trial too."""
        found: dict[str, Taken] = {}
        slow: dict[str, str] = {}
        hash_seed = schedule.hash_seed(self._seed, "calibration", 0)
        for group in _by_kind(benchmarks):
            left = list(group)
            while left:
                name = left[0].name
                if self.elapsed_seconds > deadline and found:
                    reason = "no time was left to try it: raise --budget"
                elif name in slow:
                    reason = f"not tried, as {slow[name]} took too long"
                else:
                    left = self._trial_process(arm, left, seconds, deadline, hash_seed, found, slow)
                    continue
                found[left.pop(0).key] = Taken(status="untried", reason=reason)
        return found

    def _trial_process(
        self,
        arm: Arm,
        left: list[Benchmark],
        seconds: float,
        deadline: float,
        hash_seed: int,
        found: dict[str, Taken],
        slow: dict[str, str],
    ) -> list[Benchmark]:
        """Try until the end, the deadline or a slow one; gives what is left to do."""
        by_key = {each.key: each for each in left}

        def limit(benchmark: Benchmark) -> float:
            return min(benchmark.timeout, seconds)

        for key, taken in self._arms.take(arm, left, CALIBRATING, hash_seed, limit):
            found[key] = taken
            each = by_key.pop(key)
            if taken.status == "slow":
                slow[each.name] = key
                break
            if self.elapsed_seconds > deadline:
                break
        return list(by_key.values())

    def _plan_screen(self, found: Calibration) -> None:
        rule, budget = self._rule, self._budget
        left = _SCREENED * budget - self.elapsed_seconds
        blocks, kept, out = schedule.fit_screen(found.costs, left, rule.screen, rule.fewest_screen)
        if out and not kept:
            raise UserError(
                f"--budget {budget / 60:g}: not enough for {rule.fewest_screen} blocks of any of "
                f"these benchmarks, the fastest takes {2 * found.costs.process(out[-1:]):.1f} s a "
                "block: raise it"
            )
        reason = "{:.1f} s a block are too long for this budget: raise --budget"
        left_out = [
            LeftOut(benchmark=key, reason=reason.format(2 * found.costs.benchmarks[key]))
            for key in out
        ]
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
        promoted = promote(live, self._rule)
        needed = confirmation_sizes(live, promoted, self._rule)
        left = _OVER * self._budget - self.elapsed_seconds
        fewest, most = self._rule.fewest_confirmation, self._rule.most_confirmation
        affordable = {
            key: max(0, min(most, int(left / (3 * found.costs.process([key])))))
            for key in found.costs.benchmarks
        }
        planned = schedule.fit_confirmation(needed, found.costs, left, fewest)
        self._keep_plan(confirmation_blocks=planned, affordable_blocks=affordable)

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
        self._arms.trees.place(turn.sides)
        for group in schedule.groups(wanted, found.costs, self._seed, stage, number):
            todo = [each for each in group if each.key not in there and self._measured(each.key)]
            if todo:
                taken = {arm: self._take(arm, todo, found, hash_seed) for arm in turn.order}
                for each in todo:
                    self._append(stage, number, each.key, turn, taken)

    def _take(
        self, arm: Arm, todo: Sequence[Benchmark], found: Calibration, hash_seed: int
    ) -> dict[str, Taken]:
        def limit(benchmark: Benchmark) -> float:
            return max(benchmark.timeout, _PATIENCE * found.costs.benchmarks[benchmark.key])

        return dict(self._arms.take(arm, todo, found.effort, hash_seed, limit))

    def _append(
        self,
        stage: Stage,
        number: int,
        key: str,
        turn: schedule.Turn,
        taken: dict[Arm, dict[str, Taken]],
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
        return Calibration(Effort(run.plan.calls, run.plan.batches), found.costs)

    def _measured(self, key: str) -> bool:
        return state(self._of(key)).kind == "measured"

    def _of(self, key: str) -> list[Block]:
        return [block for block in self._journal.blocks if block.benchmark == key]

    @property
    def _seed(self) -> int:
        return self._journal.run.plan.seed


def _by_kind(benchmarks: Sequence[Benchmark]) -> list[list[Benchmark]]:
    """Those that share a process, and each that needs its own."""
    shared = [each for each in benchmarks if each.type not in ALONE]
    alone = [[each] for each in benchmarks if each.type in ALONE]
    return [shared, *alone] if shared else alone
