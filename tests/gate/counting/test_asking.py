"""Both sides at once, and every benchmark gets an answer, whatever becomes of their processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from perceptron.gate.counting.asking import Asking, Pair
from perceptron.gate.counting.stage import CountingStage
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.journal import open_journal
from perceptron.gate.sampling.processes import UNSEEDED, Answer, CannotStart, Instrument
from perceptron.gate.sampling.sampler import Caches
from perceptron.gate.sampling.sides import Sides
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Benchmark, Block, Side
from tests.gate.conftest import planned

MODULES = ("a", "b", "c")
SUITE = [
    Benchmark(name=f"{module}.time_it", params=[size], param_names=["size"], index=index)
    for module in MODULES
    for index, size in enumerate(("10", "20"))
]
KEYS = {own.key for own in SUITE}


def count(_arm: Side) -> Instrument:
    return Instrument(kind="count")


class Fake:
    """Sides whose programs import modules and answer, unless something else ``happens``.

    What happens is the answer that a program ends with: when it starts, at the import of a module
    or at a benchmark.
    """

    def __init__(self, home: Path, happens: Callable[[Side, str], Answer | None]) -> None:
        self.trees = SimpleNamespace(home=home, arrange=lambda _: None)
        self.happens = happens
        self.instructions: Callable[[Side, str], float] = lambda _arm, _key: 1000.0
        self.end_running: Callable[[], None] = lambda: None
        self.started: list[Side] = []
        self.order: dict[Side, list[str]] = {"base": [], "head": []}
        self.limits: list[float] = []

    def work_folder(self, side: Side) -> Path:
        return cast(Path, self.trees.home) / side

    @staticmethod
    def identifier(_arm: Side, own: Benchmark) -> str:
        return own.asv_id

    @staticmethod
    def module(own: Benchmark) -> str:
        return own.name.partition(".")[0]

    def run(self, side: Side, kind: str, *rest: Any, **_: Any) -> Iterator[Answer]:
        tasks: Sequence[dict[str, Any]] = rest[1]
        if kind == "cache":
            self.limits.append(rest[2](""))
            yield Answer(kind="silent", reason="no answer", seconds=self.limits[-1])
            return
        assert kind == "count"
        self.started.append(side)
        end = self.happens(side, "start")
        if end is not None:
            yield end
            return
        imported: set[str] = set()
        for task in tasks:
            key, module = task["key"], task["key"][0]
            self.order[side].append(key)
            yield Answer(kind="start", key=key)
            end = None if module in imported else self.happens(side, module)
            if end is None:
                imported.add(module)
                yield Answer(kind="loaded", key=key)
                end = self.happens(side, key)
            if end is not None:
                yield end
                return
            content = {"key": key, "status": "ok", "instructions": self.instructions(side, key)}
            yield Answer(kind="measurement", key=key, content=content)
        yield Answer(kind="end")


def asked(
    fake: Fake,
    seconds_left: Callable[[], float] = lambda: 60.0,
    clock: Callable[[], float] = lambda: 0.0,
) -> Iterator[tuple[str, Pair]]:
    sides = cast(Sides, fake)
    return Asking(sides, Caches(sides), clock).both(SUITE, UNSEEDED, count, seconds_left)


def nothing(_arm: Side, _what: str) -> None:
    return None


def reasons(pairs: dict[str, Pair], side: Side) -> dict[str, str | None]:
    """Those of what was not counted."""
    return {
        key: pair[side]["reason"] for key, pair in pairs.items() if pair[side]["status"] != "ok"
    }


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (Answer(kind="died", reason="its process was ended by SIGSEGV"), "was ended by SIGSEGV"),
        (Answer(kind="silent", seconds=47.3), "it takes more than 47 s"),
    ],
)
def test_an_import_that_does_not_end_costs_its_own_module(
    tmp_path: Path, end: Answer, reason: str
) -> None:
    fake = Fake(tmp_path, lambda side, what: end if (side, what) == ("head", "b") else None)
    pairs = dict(asked(fake, lambda: 600.0))
    assert set(pairs) == KEYS
    assert reasons(pairs, "base") == {}
    missing = reasons(pairs, "head")
    assert missing.keys() == {"b.time_it(10)", "b.time_it(20)"}
    assert all((own or "").startswith("importing b: ") for own in missing.values())
    assert all((own or "").endswith(reason) for own in missing.values())
    assert fake.started.count("head") == 2, "the rest needs one more"


def test_a_setup_cache_takes_no_more_than_the_time_there_is(tmp_path: Path) -> None:
    fake = Fake(tmp_path, nothing)
    sides = cast(Sides, fake)
    suite = [replace(own, cache="made once") if own.name[0] == "b" else own for own in SUITE]
    pairs = dict(Asking(sides, Caches(sides)).both(suite, UNSEEDED, count, lambda: 20.0))
    assert {key for key, pair in pairs.items() if pair["base"]["status"] == "untried"} == {
        "b.time_it(10)",
        "b.time_it(20)",
    }
    assert max(fake.limits) <= 20.0


def test_a_valgrind_that_does_not_work_is_tried_once(tmp_path: Path) -> None:
    """Or is gone: everything is left to the clock."""

    def gone(_arm: Side, _what: str) -> None:
        raise CannotStart("valgrind: cannot be started")

    refused = Answer(kind="failed", reason="this system allows no executable memory")
    for fake, reason in (
        (Fake(tmp_path, lambda _, what: refused if what == "start" else None), refused.reason),
        (Fake(tmp_path, gone), "valgrind: cannot be started"),
    ):
        assert reasons(dict(asked(fake)), "base") == dict.fromkeys(KEYS, reason)
        assert sorted(fake.started) == ["base", "head"]


def test_who_stops_listening_ends_what_runs(tmp_path: Path) -> None:
    """As when the comparison is interrupted."""
    stuck = threading.Event()

    def hang(_arm: Side, what: str) -> None:
        if what == "b.time_it(10)":
            stuck.wait(60)

    fake = Fake(tmp_path, hang)
    fake.end_running = stuck.set
    counts = asked(fake)
    next(counts)
    cast(Generator[Any], counts).close()
    assert stuck.is_set()
    assert "b.time_it(20)" not in fake.order["base"]


class Clock(threading.local):
    """Of each side's own: they are asked at once."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("import_seconds", "reason"),
    [
        (0.0, "there was no time for it: raise --budget"),
        (47.0, "importing a takes 47 s under valgrind: raise --budget"),
    ],
)
def test_what_there_is_no_time_for_says_what_took_it(
    tmp_path: Path, import_seconds: float, reason: str
) -> None:
    clock = Clock()

    def importing(_arm: Side, what: str) -> None:
        clock.seconds += import_seconds if what == "a" else 1.0

    fake = Fake(tmp_path, importing)
    pairs = dict(asked(fake, lambda: 60.0 if len(fake.order["base"]) < 2 else 0.0, clock))
    assert set(pairs) == KEYS
    assert set(reasons(pairs, "base").values()) == {reason}


def test_an_import_that_the_time_does_not_suffice_for_says_nothing_of_it(tmp_path: Path) -> None:
    """A last round of counting called its benchmarks slow."""
    clock = Clock()

    def silent(_arm: Side, what: str) -> Answer | None:
        if what != "a":
            return None
        clock.seconds += 9.0
        return Answer(kind="silent", seconds=9.0)

    fake = Fake(tmp_path, silent)
    pairs = dict(asked(fake, lambda: 9.0 - clock(), clock))
    assert {pair["base"]["status"] for pair in pairs.values()} == {"untried"}
    assert sorted(fake.started) == ["base", "head"]


def test_no_round_begins_that_cannot_import_in_the_time_there_is(tmp_path: Path) -> None:
    clock = Clock()

    def importing(_arm: Side, what: str) -> None:
        clock.seconds += 40.0 if what == "a" else 0.0

    sides = cast(Sides, Fake(tmp_path, importing))
    asking = Asking(sides, Caches(sides), clock)
    for left, status in ((100.0, "ok"), (39.0, "untried"), (41.0, "ok")):
        rest = asking.both(SUITE, UNSEEDED, count, partial(float, left))
        assert {pair["head"]["status"] for _, pair in rest} == {status}


def counted(fake: Fake, folder: Path, elapsed: float = 0.0) -> list[Block]:
    """Return the blocks of a stage of counting that begins after so many seconds."""
    sides, valgrind = cast(Sides, fake), Valgrind("valgrind", "valgrind-3.24.0")
    with open_journal(folder, planned(), False) as journal:
        CountingStage(
            sides, Caches(sides), valgrind, journal, Rule(), lambda *_: None, lambda: elapsed
        ).run(SUITE)
        return journal.blocks


def test_first_parameters_come_first_and_only_what_differs_is_counted_again(
    tmp_path: Path,
) -> None:
    fake = Fake(tmp_path, nothing)
    fake.instructions = lambda side, key: (
        1002.0 if (side, key) == ("head", "b.time_it(20)") else 1e3
    )
    again = [block.benchmark for block in counted(fake, tmp_path) if block.number > 0]
    first = [f"{module}.time_it({size})" for size in ("10", "20") for module in MODULES]
    assert fake.order["base"] == [*first, "b.time_it(20)"]
    assert again == ["b.time_it(20)"]


def test_what_takes_long_to_count_is_counted_rather_than_timed(tmp_path: Path) -> None:
    """Of a large suite the clock can judge fewer benchmarks in the same time."""
    blocks = counted(Fake(tmp_path, nothing), tmp_path, elapsed=36.0)
    assert {block.base.status for block in blocks} == {"ok"}
