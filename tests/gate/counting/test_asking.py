"""Both sides at once, and every benchmark gets an answer, whatever becomes of their processes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from perceptron.gate.counting.asking import Pair, ask_both
from perceptron.gate.counting.stage import CountingStage
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import open_journal
from perceptron.gate.sampling.processes import UNSEEDED, Answer, Instrument
from perceptron.gate.sampling.sampler import Sampler
from perceptron.gate.sampling.sides import Sides
from perceptron.gate.verdict.instructions import instruction_evidence
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Benchmark, Block, Side
from tests.gate.conftest import planned
from tests.gate.fake_sides import FakeSides

MODULES = ("a", "b", "c")
SUITE = [
    Benchmark(name=f"{module}.time_it", params=[size], param_names=["size"], index=index)
    for module in MODULES
    for index, size in enumerate(("10", "20"))
]
KEYS = {benchmark.key for benchmark in SUITE}


def count(_side: Side) -> Instrument:
    return Instrument("count")


def answers_of(
    fake: FakeSides, seconds_left: Callable[[], float] = lambda: 60.0
) -> Iterator[tuple[str, Pair]]:
    return ask_both(Sampler(cast(Sides, fake)), SUITE, UNSEEDED, count, seconds_left)


def reasons(pairs: dict[str, Pair], side: Side) -> dict[str, str | None]:
    """Those of what was not counted."""
    return {
        key: pair[side]["reason"] for key, pair in pairs.items() if pair[side]["status"] != "ok"
    }


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (Answer(kind="died", reason="its process was ended by SIGSEGV"), "failed"),
        (Answer(kind="silent", reason="no answer within 47 s"), "slow"),
    ],
)
def test_counting_endless_import_costs_its_module_only(
    tmp_path: Path, end: Answer, status: str
) -> None:
    """What gives no answer is slow: that it failed would be a verdict on the revision."""
    fake = FakeSides(tmp_path, happens=lambda *own: end if own == ("head", "b") else None)
    pairs = dict(answers_of(fake, lambda: 600.0))
    assert set(pairs) == KEYS
    assert reasons(pairs, "base") == {}
    missing = reasons(pairs, "head")
    assert missing.keys() == {"b.time_it(10)", "b.time_it(20)"}
    assert set(missing.values()) == {f"importing b: {end.reason}"}
    assert {pairs[key]["head"]["status"] for key in missing} == {status}
    assert fake.started.count("head") == 2, "the rest needs one more"


def test_counting_broken_valgrind_is_tried_once(tmp_path: Path) -> None:
    """Everything is left to the clock."""
    refused = Answer(kind="failed", reason="this system allows no executable memory")
    fake = FakeSides(tmp_path, happens=lambda _, what: refused if what == "start" else None)
    assert reasons(dict(answers_of(fake)), "base") == dict.fromkeys(KEYS, refused.reason)
    assert sorted(fake.started) == ["base", "head"]


def test_counting_closed_generator_ends_processes(tmp_path: Path) -> None:
    """As when the comparison is interrupted; both sides have begun by then."""
    fake = FakeSides(tmp_path)
    counts = answers_of(fake)
    next(counts)
    assert (sorted(fake.started), fake.ended) == (["base", "head"], [])
    cast(Generator[Any], counts).close()
    assert sorted(fake.ended) == ["base", "head"]


def test_counting_without_time_gives_reason(tmp_path: Path) -> None:
    fake = FakeSides(tmp_path)
    pairs = dict(answers_of(fake, lambda: 60.0 if len(fake.asked) < 4 else 0.0))
    assert set(pairs) == KEYS
    assert set(reasons(pairs, "base").values()) == {"there was no time for it: raise --budget"}


def counted(
    fake: FakeSides,
    folder: Path,
    elapsed: Callable[[], float] = lambda: 0.0,
    budget: float = 60.0,
) -> list[Block]:
    """Return the blocks of a stage of counting, of which ``elapsed`` tells the spent seconds."""
    sides, valgrind = cast(Sides, fake), Valgrind("valgrind", "valgrind-3.24.0")
    with open_journal(folder, planned(budget_seconds=budget), False) as journal:
        CountingStage(Sampler(sides), valgrind, journal, Rule(), lambda *_: None, elapsed).run(
            SUITE
        )
        return journal.blocks


def test_first_parameters_come_first_and_only_what_differs_is_counted_again(
    tmp_path: Path,
) -> None:
    more = ("head", "b.time_it(20)")
    fake = FakeSides(tmp_path, instructions=lambda *own: 1002.0 if own == more else 1e3)
    again = [block.benchmark for block in counted(fake, tmp_path) if block.number > 0]
    first = [f"{module}.time_it({size})" for size in ("10", "20") for module in MODULES]
    assert [key for side, key in fake.asked if side == "base"] == [*first, "b.time_it(20)"]
    assert again == ["b.time_it(20)"]


def test_counting_slow_benchmarks_are_counted_not_timed(tmp_path: Path) -> None:
    """Of a large suite the clock can judge fewer benchmarks in the same time."""
    blocks = counted(FakeSides(tmp_path), tmp_path, lambda: 36.0)
    assert {block.base.status for block in blocks} == {"ok"}


def test_imports_that_take_too_long_leave_time_to_the_clock(tmp_path: Path) -> None:
    """They are begun once, and the reason is each benchmark's: an import says nothing of it."""
    budget, imports = 600.0, {"base": 1000.0, "head": 1.0}
    fake = FakeSides(tmp_path, imports=lambda side, _module: imports[side])
    blocks = counted(fake, tmp_path, lambda: fake.now, budget)
    assert sorted(fake.started) == ["base", "head"]
    assert fake.now < budget / 2
    assert {block.benchmark for block in blocks} == KEYS
    assert {block.base.status for block in blocks} == {"slow", "untried"}
    assert all((block.base.reason or "").startswith("importing a: late") for block in blocks)


@pytest.mark.parametrize(("budget", "rounds"), [(480.0, {0}), (4800.0, {0, 2})])
def test_counting_repeats_no_import_without_time(
    tmp_path: Path, budget: float, rounds: set[int]
) -> None:
    """What differs is counted once then, and says why."""
    more = ("head", "b.time_it(20)")
    fake = FakeSides(
        tmp_path,
        instructions=lambda *own: 1100.0 if own == more else 1e3,
        imports=lambda *_: 50.0,
    )
    blocks = counted(fake, tmp_path, lambda: fake.now, budget)
    own = [block for block in blocks if block.benchmark == more[1]]
    assert {block.number for block in own if block.base.status == "ok"} == rounds
    assert len(own) == 2
    assert fake.started.count("base") == len(rounds)
    reason = instruction_evidence(blocks, Rule())[more[1]].reason
    assert (reason is None) is (len(rounds) > 1)
    assert reason is None or "import" in reason
