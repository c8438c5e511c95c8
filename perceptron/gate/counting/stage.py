"""The stage that counts: every round of it, from the journal's last block to its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perceptron.gate.checkout.worktrees import SIDES
from perceptron.gate.counting.rounds import Pair, Rounds
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.sampling import schedule
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.sampler import Caches
from perceptron.gate.verdict import work
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Arm, Benchmark, Block

# Of the budget, by when the last benchmark must be begun.
_SHARE = 0.5

# Rounds that what differs in the first one wants after it: the same draws again, and other ones.
_ROUNDS_AFTER = 2

_ORDER: list[Arm] = ["base", "head"]


class CountingStage:
    """Counts benchmarks, and keeps each pair of counts in the journal."""

    def __init__(
        self,
        arms: Arms,
        caches: Caches,
        valgrind: Valgrind,
        journal: ComparisonJournal,
        rule: Rule,
        progress: Callable[[int, int, str], None],
        elapsed: Callable[[], float],
    ) -> None:
        self._trees = arms.trees
        self._caches = caches
        self._rounds = Rounds(arms, caches, valgrind)
        self._journal = journal
        self._rule = rule
        self._progress = progress
        self._elapsed = elapsed

    def run(self, benchmarks: Sequence[Benchmark]) -> None:
        """Count these benchmarks, and again where there is doubt."""
        self._count(work.FIRST, benchmarks)
        doubtful = [own for own in benchmarks if work.wants_again(self._blocks(own.key))]
        self._count(work.AGAIN, doubtful)
        for number in work.OTHER_DRAWS:
            changed = [
                own
                for own in benchmarks
                if work.wants_other_draws(self._blocks(own.key), self._rule)
            ]
            self._count(number, changed)

    def _count(self, number: int, benchmarks: Sequence[Benchmark]) -> None:
        """Count those that this round lacks."""
        done = {block.benchmark for block in self._of_stage("count") if block.number == number}
        left = [benchmark for benchmark in benchmarks if benchmark.key not in done]
        if not left:
            return
        plan = self._journal.run.plan
        # The second round repeats the first one's draws.
        draws = work.FIRST if number == work.AGAIN else number
        if number in work.OTHER_DRAWS:
            self._caches.forget()
        seeds = schedule.seeds(plan.seed, "count", draws, plan.seeded)
        message = f"counting, round {number + 1}"
        self._trees.arrange(_sides(number))
        self._progress(0, len(left), message)
        begin, reserved = self._elapsed(), 0.0
        doubtful = sum(work.wants_again(self._blocks(own.key)) for own in benchmarks)

        def seconds_left() -> float:
            return self._seconds_left() - reserved

        counts = self._rounds.count(left, seeds, seconds_left, padded=number == work.AGAIN)
        for counted, (key, pair) in enumerate(counts, start=1):
            self._append(number, key, pair)
            self._progress(counted, len(left), message)
            if number == work.FIRST:  # what differs says nothing until it is counted again
                doubtful += work.wants_again(self._blocks(key))
                reserved = _ROUNDS_AFTER * doubtful * (self._elapsed() - begin) / counted

    def _append(self, number: int, key: str, pair: Pair) -> None:
        self._journal.append(
            Block(
                stage="count",
                number=number,
                benchmark=key,
                order=_ORDER,
                sides=_sides(number),
                base=pair["base"],
                head=pair["head"],
                elapsed_seconds=self._elapsed(),
            )
        )

    def _seconds_left(self) -> float:
        return _SHARE * self._journal.run.plan.budget_seconds - self._elapsed()

    def _blocks(self, key: str) -> list[Block]:
        return [block for block in self._of_stage("count") if block.benchmark == key]

    def _of_stage(self, stage: str) -> list[Block]:
        return [block for block in self._journal.blocks if block.stage == stage]


def _sides(number: int) -> dict[Arm, str]:
    """Return where the trees lie: the second round swaps them."""
    first, second = SIDES[:2]
    if number == work.AGAIN:
        first, second = second, first
    return {"base": first, "head": second}
