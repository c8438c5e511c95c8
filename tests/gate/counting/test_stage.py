"""Which benchmarks are counted again, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from perceptron.gate.counting import stage as stage_module
from perceptron.gate.counting.rounds import Pair
from perceptron.gate.counting.stage import CountingStage
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import ComparisonJournal, ComparisonRun, open_journal
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.caches import Caches
from perceptron.gate.sampling.processes import Seeds
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Benchmark, Block, Reading
from perceptron.records.comparison import ComparisonPlan, Side

SIDE = Side(name="x", commit="0", python="python")
VALGRIND = Valgrind("valgrind", "valgrind-3.24.0")


class Counts:
    """Rounds in which HEAD executes so many times as much as BASE, by benchmark and round."""

    def __init__(self, heads: dict[str, float], seconds: float = 1.0) -> None:
        self.heads = heads
        self.seconds = seconds
        self.drift = 1.0
        self.now = 0.0
        self.asked: list[tuple[list[str], Seeds, bool]] = []
        self.sides: list[dict[str, str]] = []
        self.forgotten: list[float] = []

    def __call__(self, *_: object) -> Counts:
        return self

    def count(
        self,
        benchmarks: Sequence[Benchmark],
        seeds: Seeds,
        seconds_left: Callable[[], float],
        padded: bool = False,
    ) -> Iterator[tuple[str, Pair]]:
        self.asked.append(([benchmark.key for benchmark in benchmarks], seeds, padded))
        for benchmark in benchmarks:
            if seconds_left() <= 0:
                untried = Reading(status="untried", reason="no time")
                yield benchmark.key, {"base": untried, "head": untried}
                continue
            self.now += self.seconds
            more = self.heads[benchmark.key]
            if len(self.asked) > 2:  # of other draws
                more *= self.drift ** len(self.asked)
            yield (
                benchmark.key,
                {
                    "base": Reading(status="ok", instructions=1e6),
                    "head": Reading(status="ok", instructions=1e6 * more),
                },
            )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[ComparisonJournal]:
    plan = ComparisonPlan(
        suite="s",
        benchmarks=None,
        base=SIDE,
        head=SIDE,
        budget_seconds=600.0,
        seed=1,
        rule={},
        seeded=True,
    )
    with open_journal(tmp_path, ComparisonRun(work={"what": "this"}, plan=plan), False) as opened:
        yield opened


def run(journal: ComparisonJournal, counts: Counts, monkeypatch: pytest.MonkeyPatch) -> list[Block]:
    monkeypatch.setattr(stage_module, "Rounds", counts)
    trees = SimpleNamespace(arrange=lambda sides: counts.sides.append(dict(sides)))
    arms = cast(Arms, cast(Any, SimpleNamespace(trees=trees)))
    caches = cast(Caches, SimpleNamespace(forget=lambda: counts.forgotten.append(counts.now)))
    stage = CountingStage(
        arms, caches, VALGRIND, journal, Rule(), lambda *_: None, lambda: counts.now
    )
    stage.run([Benchmark(name=key) for key in counts.heads])
    return [block for block in journal.blocks if block.stage == "count"]


def rounds(blocks: Sequence[Block]) -> dict[str, list[int]]:
    by_benchmark: dict[str, list[int]] = {}
    for block in blocks:
        by_benchmark.setdefault(block.benchmark, []).append(block.number)
    return by_benchmark


def test_what_agrees_is_counted_once_what_differs_again_and_what_changed_on_other_inputs(
    journal: ComparisonJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = Counts({"same": 1.0005, "near": 1.003, "more": 1.05, "less": 0.6})
    blocks = run(journal, counts, monkeypatch)
    assert rounds(blocks) == {"same": [0], "near": [0, 1], "more": [0, 1, 2], "less": [0, 1, 2]}
    first, again, other = (seeds for _, seeds, _ in counts.asked)
    assert first == again
    assert first.draw != other.draw
    assert [padded for _, _, padded in counts.asked] == [False, True, False]
    assert counts.sides[0] == {"base": "a", "head": "b"}
    assert counts.sides[1] == {"base": "b", "head": "a"}
    assert len(counts.forgotten) == 1, "what a setup_cache draws is drawn again too"


def test_draws_that_disagree_are_followed_by_more(
    journal: ComparisonJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = Counts({"more": 1.05})
    counts.drift = 1.02
    assert rounds(run(journal, counts, monkeypatch)) == {"more": [0, 1, 2, 3, 4]}
    assert len({seeds.draw for _, seeds, _ in counts.asked}) == 4


def test_a_start_after_an_interruption_counts_what_is_missing(
    journal: ComparisonJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(journal, Counts({"one": 1.0}), monkeypatch)
    counts = Counts({"one": 1.0, "two": 1.0})
    assert rounds(run(journal, counts, monkeypatch)) == {"one": [0], "two": [0]}
    assert [asked for asked, _, _ in counts.asked] == [["two"]]


def test_what_has_no_time_says_so_in_the_journal(
    journal: ComparisonJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what differs is counted to its end before another benchmark is begun."""
    counts = Counts({"one": 1.05, "two": 1.05, "three": 1.05}, seconds=60.0)
    blocks = run(journal, counts, monkeypatch)
    assert [(block.benchmark, block.number, block.base.status) for block in blocks][:7] == [
        ("one", 0, "ok"),
        ("two", 0, "ok"),
        ("three", 0, "untried"),
        ("one", 1, "ok"),
        ("two", 1, "ok"),
        ("one", 2, "ok"),
        ("two", 2, "untried"),
    ]
