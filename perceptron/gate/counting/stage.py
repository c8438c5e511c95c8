"""The counting stage: all its rounds, from the journal's last block to its end.

All rounds run in the same minutes on the same machine: counts of two machines are not comparable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from perceptron.gate.checkout.worktrees import FOLDERS
from perceptron.gate.counting.asking import Pair, ask_both
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import ComparisonJournal
from perceptron.gate.sampling import schedule
from perceptron.gate.sampling.processes import Instrument
from perceptron.gate.sampling.sampler import Sampler
from perceptron.gate.verdict import instructions
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import PAIR, Benchmark, Block, Side, SideMeasurement, by_benchmark

# Shares of the budget by which the first round's last benchmark and all rounds must begin: a
# difference needs a second count.
_SHARE, _SHARE_OF_ALL = 0.65, 0.85
# Share of a round's time for imports: the rest of it is left to the clock.
_IMPORT_SHARE = 0.6
_NO_TIME = "counting again takes another {:.0f} s to import under valgrind: raise --budget"
# The rounds that show whether counts repeat: trees change places, and this many small objects
# change the memory layout.
_MOVED, _PADDING = (instructions.AGAIN, instructions.OTHER_DRAWS[0]), 997


@dataclass
class CountingStage:
    """Counts benchmarks, and keeps each pair of counts in the journal."""

    sampler: Sampler
    valgrind: Valgrind
    journal: ComparisonJournal
    rule: Rule
    progress: Callable[[int, int, str], None]
    elapsed: Callable[[], float]
    import_seconds: float = 0.0
    """Seconds of the first round before its first count."""

    def run(self, benchmarks: Sequence[Benchmark]) -> None:
        """Count these benchmarks, and again where counts are in doubt."""
        other, *more = instructions.OTHER_DRAWS
        self._count(instructions.FIRST, benchmarks)
        self._count(other, benchmarks, instructions.wants_other_draws)
        self._count(instructions.AGAIN, benchmarks, instructions.wants_again)
        for number in more:
            self._count(number, benchmarks, instructions.wants_other_draws)

    def _count(
        self,
        number: int,
        benchmarks: Sequence[Benchmark],
        wanted: Callable[[Sequence[Block], Rule], bool] = lambda _blocks, _rule: True,
    ) -> None:
        """Count the benchmarks that this round lacks, if ``wanted`` accepts their blocks.

        A benchmark without time in an earlier round has none in this round either.
        """
        left = []
        counts = by_benchmark(block for block in self.journal.blocks if block.stage == "count")
        for benchmark in benchmarks:
            blocks = counts.get(benchmark.key, [])
            late = any("untried" in (block.base.status, block.head.status) for block in blocks)
            done = late or any(block.number == number for block in blocks)
            if not done and wanted(blocks, self.rule):
                left.append(benchmark)
        left.sort(
            key=lambda benchmark: benchmark.index or 0
        )  # one set of parameters of each function first
        if not left:
            return
        plan = self.journal.run.plan
        draws = instructions.FIRST if number == instructions.AGAIN else number
        seeds = schedule.seeds(plan.seed, "count", draws)
        sides = self.sampler.sides
        began, counted = self.elapsed(), 0
        share = _SHARE if number == instructions.FIRST else _SHARE_OF_ALL

        def seconds_left() -> float:
            return share * plan.budget_seconds - self.elapsed()

        def tell() -> None:
            self.progress(counted, len(left), f"counting, round {number + 1}")

        def instrument(side: Side) -> Instrument:
            padding = _PADDING if number in _MOVED else 0
            return self.valgrind.instrument(side, sides.work_folder(side), padding)

        def answers() -> Iterator[tuple[str, Pair]]:
            if self.import_seconds > max(0.0, _IMPORT_SHARE * seconds_left()):
                reason = _NO_TIME.format(self.import_seconds)
                content = {"status": "untried", "reason": reason}
                return ((benchmark.key, dict.fromkeys(PAIR, content)) for benchmark in left)
            if number != instructions.FIRST:
                self.sampler.forget_caches()
            sides.trees.arrange(_folders(number))
            return ask_both(
                self.sampler,
                left,
                seeds,
                instrument,
                seconds_left,
                import_share=_IMPORT_SHARE,
            )

        tell()
        for key, pair in answers():
            counted += 1
            if number == instructions.FIRST and not self.import_seconds:
                self.import_seconds = self.elapsed() - began
            self.journal.append(
                Block(
                    stage="count",
                    number=number,
                    benchmark=key,
                    order=list(PAIR),
                    folders=_folders(number),
                    base=msgspec.convert(pair["base"], type=SideMeasurement),
                    head=msgspec.convert(pair["head"], type=SideMeasurement),
                    elapsed_seconds=self.elapsed(),
                )
            )
            tell()


def _folders(number: int) -> dict[Side, str]:
    """Return the trees' folders."""
    first, second = FOLDERS[:2]
    if number in _MOVED:
        first, second = second, first
    return {"base": first, "head": second}
