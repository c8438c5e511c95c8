"""Both arms at once, and every benchmark gets an answer, whatever becomes of their processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from perceptron.gate.counting.rounds import Pair, Rounds
from perceptron.gate.counting.valgrind import Valgrind
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.processes import UNSEEDED, Answer, CannotStart
from perceptron.gate.sampling.sampler import Caches
from perceptron.records.block import Arm, Benchmark

NAMES = [f"time_{number}" for number in range(8)]
SUITE = [Benchmark(name=name) for name in NAMES]


class Fake:
    """Arms whose processes die at the benchmarks that ``dies`` is true of."""

    def __init__(self, home: Path, dies: Callable[[Arm, str], bool]) -> None:
        self.trees = SimpleNamespace(home=home)
        self.dies = dies
        self.end_running: Callable[[], None] = lambda: None
        self.started: list[Arm] = []
        self.order: dict[Arm, list[str]] = {"base": [], "head": []}

    def work_folder(self, arm: Arm) -> Path:
        return cast(Path, self.trees.home) / arm

    @staticmethod
    def identifier(_arm: Arm, own: Benchmark) -> str:
        return own.asv_id

    def run(self, arm: Arm, kind: str, *rest: Any) -> Iterator[Answer]:
        assert kind == "count"
        tasks: Sequence[dict[str, Any]] = rest[1]
        self.started.append(arm)
        for task in tasks:
            key = task["key"]
            self.order[arm].append(key)
            yield Answer(kind="start", key=key)
            if self.dies(arm, key):
                yield Answer(kind="died", reason="its process was ended by SIGSEGV")
                return
            content = {"key": key, "status": "ok", "instructions": 1000.0, "wall_seconds": 0.1}
            yield Answer(kind="reading", key=key, content=content)
        yield Answer(kind="end")


def counting(
    fake: Fake, seconds_left: Callable[[], float] = lambda: 60.0
) -> Iterator[tuple[str, Pair]]:
    arms = cast(Arms, fake)
    rounds = Rounds(arms, Caches(arms), Valgrind("valgrind", "valgrind-3.24.0"))
    return rounds.count(SUITE, UNSEEDED, seconds_left)


def nothing_dies(_arm: Arm, _key: str) -> bool:
    return False


def test_both_arms_count_everything_in_one_order(tmp_path: Path) -> None:
    fake = Fake(tmp_path, nothing_dies)
    pairs = dict(counting(fake))
    assert set(pairs) == set(NAMES)
    assert all(
        reading.instructions == 1000.0 for pair in pairs.values() for reading in pair.values()
    )
    assert fake.order == {"base": NAMES, "head": NAMES}


def test_what_crashes_under_valgrind_costs_its_own_count(tmp_path: Path) -> None:
    fake = Fake(tmp_path, lambda arm, key: (arm, key) == ("head", "time_2"))
    pairs = dict(counting(fake))
    assert pairs["time_2"]["head"].reason == "its process was ended by SIGSEGV"
    assert pairs["time_2"]["base"].status == "ok"
    assert {key for key, pair in pairs.items() if pair["head"].status == "ok"} == {*NAMES} - {
        "time_2"
    }


def test_a_valgrind_that_does_not_work_is_not_tried_for_ever(tmp_path: Path) -> None:
    fake = Fake(tmp_path, lambda *_: True)
    pairs = dict(counting(fake))
    assert set(pairs) == set(NAMES)
    reasons = {reading.reason for pair in pairs.values() for reading in pair.values()}
    assert reasons == {
        "its process was ended by SIGSEGV",
        "counting was given up: its process was ended by SIGSEGV",
    }
    assert len(fake.started) == 8, "four of each arm"


def test_a_valgrind_that_is_gone_leaves_everything_to_the_clock(tmp_path: Path) -> None:
    class Gone(Fake):
        def run(self, arm: Arm, kind: str, *rest: Any) -> Iterator[Answer]:
            raise CannotStart("valgrind: cannot be started")
            yield

    pairs = dict(counting(Gone(tmp_path, nothing_dies)))
    assert set(pairs) == set(NAMES)
    assert {pair["base"].reason for pair in pairs.values()} == {"valgrind: cannot be started"}


def test_who_stops_listening_ends_what_runs(tmp_path: Path) -> None:
    """As when the comparison is interrupted."""
    stuck = threading.Event()

    def hang(_arm: Arm, key: str) -> bool:
        return key == NAMES[2] and stuck.wait(60)

    fake = Fake(tmp_path, hang)
    fake.end_running = stuck.set
    counts = counting(fake)
    next(counts)
    cast(Generator[Any], counts).close()
    assert stuck.is_set()
    assert NAMES[4] not in fake.order["base"]


def test_what_there_is_no_time_for_is_untried_and_says_so(tmp_path: Path) -> None:
    fake = Fake(tmp_path, nothing_dies)
    pairs = dict(counting(fake, lambda: 60.0 if len(fake.order["base"]) < 4 else 0.0))
    assert set(pairs) == set(NAMES)
    late = [pair for pair in pairs.values() if pair["base"].status == "untried"]
    assert late
    assert all("raise --budget" in (pair["base"].reason or "") for pair in late)
