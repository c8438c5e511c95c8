"""Both arms at once, and every benchmark gets an answer, whatever becomes of their processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from perceptron.errors import UserError
from perceptron.gate.counting.rounds import Pair, Rounds
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.caches import Caches
from perceptron.gate.sampling.processes import UNSEEDED, Answer, CannotStart, Instrument
from perceptron.records.block import Arm, Benchmark

NAMES = [f"time_{number}" for number in range(8)]
SUITE = [Benchmark(name=name) for name in NAMES]


class Fake:
    """Arms whose processes die at the benchmarks that ``dies`` is true of."""

    def __init__(self, home: Path, dies: Callable[[Arm, str], bool]) -> None:
        self.trees = SimpleNamespace(home=home)
        self.dies = dies
        self.fails = False
        self.end_running: Callable[[], None] = lambda: None
        self.started: list[tuple[Arm, Instrument]] = []
        self.order: dict[Arm, list[str]] = {"base": [], "head": []}

    def work_folder(self, arm: Arm) -> Path:
        return cast(Path, self.trees.home) / arm

    @staticmethod
    def identifier(_arm: Arm, own: Benchmark) -> str:
        return own.asv_id

    def run(self, arm: Arm, kind: str, *rest: Any) -> Iterator[Answer]:
        assert kind == "count"
        tasks: Sequence[dict[str, Any]] = rest[1]
        self.started.append((arm, rest[-1]))
        for task in tasks:
            key = task["key"]
            self.order[arm].append(key)
            yield Answer(kind="start", key=key)
            if self.dies(arm, key):
                yield Answer(kind="died", reason="its process was ended by SIGSEGV")
                return
            content = {"key": key, "status": "ok", "instructions": 1000.0, "wall_seconds": 0.1}
            if self.fails:
                content |= {"status": "failed", "reason": "ValueError: no", "instructions": None}
            yield Answer(kind="reading", key=key, content=content)
        yield Answer(kind="end")


def count(
    fake: Fake, seconds_left: Callable[[], float] = lambda: 60.0, padded: bool = False
) -> dict[str, Pair]:
    arms = cast(Arms, fake)
    rounds = Rounds(arms, Caches(arms), Valgrind("valgrind", "valgrind-3.24.0"))
    return dict(rounds.count(SUITE, UNSEEDED, seconds_left, padded))


def nothing_dies(_arm: Arm, _key: str) -> bool:
    return False


def test_both_arms_count_everything_in_one_order(tmp_path: Path) -> None:
    fake = Fake(tmp_path, nothing_dies)
    pairs = count(fake)
    assert set(pairs) == set(NAMES)
    assert all(
        reading.instructions == 1000.0 for pair in pairs.values() for reading in pair.values()
    )
    assert fake.order == {"base": NAMES, "head": NAMES}


def test_each_arm_has_a_core_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    both = threading.Barrier(2, timeout=30)

    def meet(_arm: Arm, key: str) -> bool:
        if key == NAMES[0]:
            both.wait()  # for ever, if one arm followed the other
        return False

    fake = Fake(tmp_path, meet)
    count(fake)
    assert {arm: instrument.job["core"] for arm, instrument in fake.started} == {
        "base": 3,
        "head": 5,
    }


def test_on_one_core_they_count_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    fake = Fake(tmp_path, nothing_dies)
    assert set(count(fake)) == set(NAMES)
    assert [arm for arm, _ in fake.started] == ["base", "head"]


def test_what_crashes_under_valgrind_costs_its_own_count(tmp_path: Path) -> None:
    fake = Fake(tmp_path, lambda arm, key: (arm, key) == ("head", "time_2"))
    pairs = count(fake)
    assert pairs["time_2"]["head"].reason == "its process was ended by SIGSEGV"
    assert pairs["time_2"]["base"].status == "ok"
    assert {key for key, pair in pairs.items() if pair["head"].status == "ok"} == {*NAMES} - {
        "time_2"
    }


def test_a_valgrind_that_does_not_work_is_not_tried_for_ever(tmp_path: Path) -> None:
    fake = Fake(tmp_path, lambda *_: True)
    pairs = count(fake)
    assert set(pairs) == set(NAMES)
    reasons = {reading.reason for pair in pairs.values() for reading in pair.values()}
    assert reasons == {
        "its process was ended by SIGSEGV",
        "counting was given up: its process was ended by SIGSEGV",
    }
    assert len(fake.started) == 8, "four of each arm"


def test_crashes_after_a_count_do_not_end_the_counting(tmp_path: Path) -> None:
    fake = Fake(tmp_path, lambda _, key: key not in {NAMES[0], NAMES[-1]})
    pairs = count(fake)
    assert pairs[NAMES[-1]]["head"].status == "ok"


def test_a_valgrind_that_is_gone_leaves_everything_to_the_clock(tmp_path: Path) -> None:
    class Gone(Fake):
        def run(self, arm: Arm, kind: str, *rest: Any) -> Iterator[Answer]:
            raise CannotStart("valgrind: cannot be started")
            yield

    pairs = count(Gone(tmp_path, nothing_dies))
    assert set(pairs) == set(NAMES)
    assert {pair["base"].reason for pair in pairs.values()} == {"valgrind: cannot be started"}


def test_an_import_has_no_longer_than_is_left(tmp_path: Path) -> None:
    fake = Fake(tmp_path, nothing_dies)
    count(fake, lambda: 7.0)
    assert {instrument.start_seconds for _, instrument in fake.started} == {7.0}


def test_who_stops_listening_ends_what_runs(tmp_path: Path) -> None:
    """As when the comparison is interrupted."""
    stuck = threading.Event()

    def hang(_arm: Arm, key: str) -> bool:
        return key == NAMES[2] and stuck.wait(60)

    fake = Fake(tmp_path, hang)
    fake.end_running = stuck.set
    arms = cast(Arms, fake)
    rounds = Rounds(arms, Caches(arms), Valgrind("valgrind", "valgrind-3.24.0"))
    counts = rounds.count(SUITE, UNSEEDED, lambda: 60.0)
    next(counts)
    cast(Generator[Any], counts).close()
    assert stuck.is_set()
    assert NAMES[4] not in fake.order["base"]


def test_caches_are_made_before_anything_is_counted(tmp_path: Path) -> None:
    """Nothing runs beside what makes one; what has none for want of it says so."""
    cached = [Benchmark(name="time_a", cache="a"), Benchmark(name="time_b", cache="b")]

    class Caching(Fake):
        def run(self, arm: Arm, kind: str, *rest: Any) -> Iterator[Answer]:
            if kind == "count":
                yield from super().run(arm, kind, *rest)
                return
            assert not self.started
            [task] = rest[1]
            status = "failed" if task["key"] == "time_b" else "ok"
            content = {"key": task["key"], "status": status, "reason": "ValueError: no"}
            yield Answer(kind="reading", key=task["key"], content=content)

    fake = Caching(tmp_path, nothing_dies)
    arms = cast(Arms, fake)
    rounds = Rounds(arms, Caches(arms), Valgrind("valgrind", "valgrind-3.24.0"))
    pairs = dict(rounds.count(cached, UNSEEDED, lambda: 60.0))
    assert pairs["time_a"]["head"].status == "ok"
    assert pairs["time_b"]["head"].reason == "ValueError: no"


def test_benchmarks_that_fail_by_themselves_do_not_end_the_counting(tmp_path: Path) -> None:
    fake = Fake(tmp_path, nothing_dies)
    fake.fails = True
    pairs = count(fake)
    assert {pair["head"].reason for pair in pairs.values()} == {"ValueError: no"}
    assert fake.order["head"] == NAMES


def test_what_there_is_no_time_for_is_untried_and_says_so(tmp_path: Path) -> None:
    fake = Fake(tmp_path, nothing_dies)
    pairs = count(fake, lambda: 60.0 if len(fake.order["base"]) < 4 else 0.0)
    assert set(pairs) == set(NAMES)
    late = [pair for pair in pairs.values() if pair["base"].status == "untried"]
    assert late
    assert all("raise --budget" in (pair["base"].reason or "") for pair in late)


def test_an_error_of_one_arm_is_raised(tmp_path: Path) -> None:
    class Broken(Fake):
        def run(self, arm: Arm, kind: str, *rest: Any) -> Iterator[Answer]:
            if arm == "head":
                raise UserError("HEAD imported toy from elsewhere")
            return super().run(arm, kind, *rest)

    with pytest.raises(UserError, match="elsewhere"):
        count(Broken(tmp_path, nothing_dies))


def test_the_second_round_lays_memory_out_otherwise(tmp_path: Path) -> None:
    fake = Fake(tmp_path, nothing_dies)
    count(fake)
    count(fake, padded=True)
    paddings = [instrument.job["padding"] for _, instrument in fake.started]
    assert paddings[:2] == [0, 0]
    assert paddings[2] == paddings[3] > 100


def test_a_module_that_takes_too_long_to_load_costs_its_benchmarks_and_no_others(
    tmp_path: Path,
) -> None:
    """And it is tried once."""

    class Slow(Fake):
        def run(self, arm: Arm, kind: str, *rest: Any) -> Iterator[Answer]:
            tasks: Sequence[dict[str, Any]] = rest[1]
            if tasks[0]["key"] in NAMES[:4]:
                self.order[arm].append(tasks[0]["key"])
                yield Answer(kind="start", key=tasks[0]["key"])
                yield Answer(kind="silent", reason="no answer within 20 s", seconds=20.0)
                return
            yield from super().run(arm, kind, *rest)

    fake = Slow(tmp_path, nothing_dies)
    arms = cast(Arms, fake)
    suite = [
        msgspec.structs.replace(own, file="slow.py" if own.name in NAMES[:4] else "fast.py")
        for own in SUITE
    ]
    rounds = Rounds(arms, Caches(arms), Valgrind("valgrind", "valgrind-3.24.0"))
    pairs = dict(rounds.count(suite, UNSEEDED, lambda: 600.0))
    for name in NAMES[:4]:
        assert pairs[name]["base"].reason == "importing it: no answer within 20 s"
    assert all(pairs[name]["head"].status == "ok" for name in NAMES[4:])
    assert fake.order["base"] == [NAMES[0], *NAMES[4:]]


@pytest.mark.parametrize(("seconds", "most"), [(60.0, 60.0), (20.0, 20.0), (2.0, 10.0)])
def test_one_benchmark_may_take_eight_shares_of_the_time_that_is_left_for_all(
    tmp_path: Path, seconds: float, most: float
) -> None:
    limits: list[float] = []

    class Listening(Fake):
        def run(self, arm: Arm, kind: str, *rest: Any) -> Iterator[Answer]:
            limits.append(rest[2](NAMES[0]))
            yield from super().run(arm, kind, *rest)

    count(cast(Fake, Listening(tmp_path, nothing_dies)), lambda: seconds)
    assert limits == [most, most]  # eight of them in all
