"""What a machine is like while it measures."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from perceptron.measure import conditions, memory
from perceptron.measure import conditions as facts


def put(root: Path, file: str, text: str) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text + "\n")


def test_conditions_list_each_governor_once(tmp_path: Path) -> None:
    """Whatever the number of CPUs; none where the system has no such files."""
    assert facts.governors(tmp_path) is None
    for cpu, name in enumerate(("powersave", "performance", "powersave")):
        put(tmp_path, f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor", name)
    assert facts.governors(tmp_path) == ["performance", "powersave"]


GROUP, OWN = "proc/self/cgroup", "sys/fs/cgroup/user/session/cpu.max"
TOP = "sys/fs/cgroup/cpu.max"
AROUND = {"sys/fs/cgroup/user/cpu.max": "150000 100000", TOP: "400000 100000"}
ELSEWHERE = {"sys/fs/cgroup/other/cpu.max": "10000 100000"}


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({GROUP: "0::/user/session", OWN: "max 100000"}, None),
        # The kernel applies that of our group and every one around it.
        ({GROUP: "0::/user/session", OWN: "max 100000", **AROUND, **ELSEWHERE}, 1.5),
        # Inside a container the group's path may be one that only the host has.
        ({GROUP: "0::/docker/abc", TOP: "50000 100000"}, 0.5),
        # A file of another shape is no accusation and no error.
        *(({GROUP: "0::/", TOP: text}, None) for text in ("", "max", "nonsense", "1 0", "100000")),
    ],
)
def test_conditions_find_cpu_quota(
    tmp_path: Path, files: dict[str, str], cores: float | None
) -> None:
    for file, text in files.items():
        put(tmp_path, file, text)
    assert facts.quota_cores(tmp_path) == cores


def test_stolen_time_is_a_share_of_the_busy_time() -> None:
    """Idle CPUs lose nothing; a system that does not count it has no share."""
    before = SimpleNamespace(user=10.0, system=1.0, idle=50.0, steal=1.0)
    after = SimpleNamespace(user=12.5, system=1.0, idle=90.0, steal=1.5)
    assert facts.steal_share(before, after) == pytest.approx(0.5 / 3)
    assert facts.steal_share(before, before) is None
    assert facts.steal_share(SimpleNamespace(user=1.0), SimpleNamespace(user=2.0)) is None


def test_swapping_counts_both_ways() -> None:
    """Between two readings, and only if both are known."""
    before, after = SimpleNamespace(sin=5, sout=7), SimpleNamespace(sin=6, sout=17)
    assert facts.swapped_bytes(before, after) == 11
    assert facts.swapped_bytes(None, after) is None
    assert facts.swapped_bytes(before, None) is None


def test_numbers_that_psutil_made_up_are_not_known() -> None:
    """It warns where it puts zeros for what it could not find."""

    def made_up() -> SimpleNamespace:
        warnings.warn("set to zero", RuntimeWarning, stacklevel=1)
        return SimpleNamespace(used=0, sin=0, sout=0)

    sound = SimpleNamespace(used=1, sin=0, sout=0)
    assert facts.swap_memory(SimpleNamespace(swap_memory=made_up)) is None
    assert facts.swap_memory(SimpleNamespace(swap_memory=lambda: sound)) is sound


@pytest.mark.parametrize(("plugged", "expected"), [(True, False), (False, True), (None, None)])
def test_power_is_from_the_battery_only_if_that_is_known(
    plugged: bool | None, expected: bool | None
) -> None:
    """Not plugged in is yes; not known stays not known."""
    system = SimpleNamespace(sensors_battery=lambda: SimpleNamespace(power_plugged=plugged))
    assert facts.on_battery(system) is expected
    assert facts.on_battery(SimpleNamespace(sensors_battery=lambda: None)) is None
    assert facts.on_battery(SimpleNamespace()) is None


def test_conditions_clock_tick_is_smallest_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings that are equal, or go back, are no step; a clock that stands has none."""
    monkeypatch.setattr(facts, "_READINGS", 100)
    readings = itertools.chain([0.0, 0.0, 5.0, 5.0, 7.0, 6.0], itertools.repeat(10.0))
    assert facts.clock_tick(lambda: next(readings)) == 2.0
    assert facts.clock_tick(lambda: 1.0) is None


def times(*seconds: float | None) -> Callable[[float], float | None]:
    left: Iterator[float | None] = iter(seconds)
    return lambda limit: next(left)


def test_conditions_variation_is_robust_unlike_ratio() -> None:
    """One slow process of ten leaves the variation alone and shows in the ratio."""
    steady = conditions.loop_steadiness(times(*[1.0] * 9, 3.0), clock=lambda: 0.0)
    assert steady is not None
    assert (steady.variation, steady.slowest_to_fastest) == (0.0, 3.0)
    assert len(steady.seconds) == conditions.PROCESSES
    uneven = conditions.loop_steadiness(times(0.9, 1.0, 1.1, None), clock=lambda: 0.0)
    assert uneven is not None
    assert uneven.variation == pytest.approx(0.14826)


def test_conditions_slow_machine_uses_fewer_processes() -> None:
    """The time is limited, for each process and for all; two processes are too few."""
    clock = iter([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    limits: list[float] = []

    def measure(limit: float) -> float:
        limits.append(limit)
        return 1.0

    steady = conditions.loop_steadiness(measure, clock=lambda: next(clock))
    assert steady is not None
    assert len(steady.seconds) == 4
    assert limits == [3.5, 2.5, 1.5, 0.5]
    assert conditions.loop_steadiness(times(1.0, 1.0, None), clock=lambda: 0.0) is None


def test_conditions_loop_runs_in_fresh_process_within_limit() -> None:
    """Without enough time for it there is no number."""
    seconds = conditions.in_fresh_process(120.0)
    assert seconds is not None
    assert 0 < seconds < 120
    assert conditions.in_fresh_process(0.001) is None


def test_peak_memory_sees_an_allocation() -> None:
    """64 MiB written to and freed again count, where the system reports it at all."""
    memory.watch_peak()
    block = bytearray(64 * 2**20)
    del block
    seen = memory.watched_peak()
    assert seen is None or 60 * 2**20 < seen < 80 * 2**20
