"""Other processes on the cores: the CPU time of every process, read twice within two seconds."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from msgspec.structs import replace

from perceptron.measure.conditions import busy_seconds
from perceptron.measure.timing import Clock
from perceptron.records.conditions import Conditions, CoreUse, OtherProcess
from perceptron.untrusted_text import shortened

SECONDS = 2.0
"""Seconds between the two readings. Systems count in steps of 10 ms, half a percent of it."""
SMALLEST_SHARE = 0.1
"""The share of a core from which a process is named: a thread on the same core loses 10% of its
speed, twice a tie. The background processes of a desktop stay below."""
_LONGEST_NAME = 40
_PRESSURE = Path("/proc/pressure/cpu")

_Identity = tuple[int, float]  # a pid, and its start time, because pids are reused


@dataclass(frozen=True)
class _Reading:
    """CPU times up to a moment."""

    when: float
    others: dict[_Identity, tuple[str, float]] | None
    """Name and CPU seconds of every process except this one and its descendants."""
    seconds: float
    """CPU seconds of this process and its descendants, ended ones included."""
    cpus: list[Any]
    """psutil's times of each CPU that this process may use; empty if unknown."""
    waited: float | None
    """Seconds in which some thread of the machine was ready but had no core."""


class Look:
    """Core use of all processes between two readings, at least ``seconds`` apart."""

    def __init__(
        self,
        seconds: float = SECONDS,
        system: Any = psutil,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        pressure: Path = _PRESSURE,
    ) -> None:
        self._system, self._clock, self._sleep, self._pressure = system, clock, sleep, pressure
        self._seconds = seconds
        self._first = self._read()

    def end(self) -> Conditions:
        """Wait until ``seconds`` have passed, and return the core use since the first reading."""
        self._sleep(max(0.0, self._first.when + self._seconds - self._clock()))
        first, last = self._first, self._read()
        seconds = last.when - first.when
        waited = None
        if first.waited is not None and last.waited is not None:
            waited = min(1.0, max(0.0, (last.waited - first.waited) / seconds))
        return Conditions(
            other_processes=_other_processes(first, last, seconds),
            other_cores=_other_cores(first, last, seconds),
            threads_waited=waited,
        )

    def _read(self) -> _Reading:
        others, seconds = self._processes()
        waited = waited_seconds(self._pressure)
        return _Reading(self._clock(), others, seconds, self._cpus(), waited)

    def _processes(self) -> tuple[dict[_Identity, tuple[str, float]] | None, float]:
        """Return the other processes, None if they cannot be listed, and this one's CPU seconds."""
        fields = ["pid", "ppid", "name", "create_time", "cpu_times"]
        processes: list[dict[str, Any]] = []
        with contextlib.suppress(OSError, psutil.Error):  # no /proc, or an unreadable one
            processes = [process.info for process in self._system.process_iter(fields)]
        ours = _family(os.getpid(), {facts["pid"]: facts["ppid"] for facts in processes})
        others = {
            (facts["pid"], facts["create_time"] or 0.0): (facts["name"] or "", _cpu_seconds(facts))
            for facts in processes
            # Without times: this user may not read them.
            if facts["pid"] not in ours and facts["cpu_times"] is not None
        }
        # With the time of children that have ended; not every system counts it.
        kinds = ("user", "system", "children_user", "children_system")
        seconds = sum(
            float(getattr(facts["cpu_times"], kind, 0.0))
            for facts in processes
            if facts["pid"] in ours and facts["cpu_times"] is not None
            for kind in kinds
        )
        return others or None, seconds

    def _cpus(self) -> list[Any]:
        with contextlib.suppress(OSError, psutil.Error, NotImplementedError):
            cpus = self._system.cpu_times(percpu=True)
            usable = set(_affinity(len(cpus)))
            return [cpu for index, cpu in enumerate(cpus) if index in usable]
        return []


def with_seen(conditions: Conditions, seen: Conditions) -> Conditions:
    """Return the conditions with the fields of `CoreUse` from ``seen``."""
    return replace(conditions, **{name: getattr(seen, name) for name in CoreUse.__struct_fields__})


def waited_seconds(pressure: Path = _PRESSURE) -> float | None:
    """Return the seconds so far in which some thread was ready but had no core; None: unknown.

    https://docs.kernel.org/accounting/psi.html
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(pressure.read_text().split("total=")[1].split()[0]) / 1e6
    return None


def _family(root: int, parents: dict[int, int | None]) -> set[int]:
    """Return a process and its descendants, from the parent of each process."""
    children: dict[int | None, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    family, todo = {root}, [root]
    while todo:
        added = [pid for pid in children.get(todo.pop(), ()) if pid not in family]
        family.update(added)
        todo += added
    return family


def _cpu_seconds(facts: dict[str, Any]) -> float:
    return float(facts["cpu_times"].user + facts["cpu_times"].system)


def _affinity(cpus: int) -> Iterable[int]:
    """Return the indices, below ``cpus``, of the CPUs that this process may use."""
    if not hasattr(os, "sched_getaffinity"):  # macOS
        return range(cpus)
    usable = os.sched_getaffinity(0)
    return usable if max(usable) < cpus else range(cpus)


def _other_processes(first: _Reading, last: _Reading, seconds: float) -> list[OtherProcess] | None:
    if first.others is None or last.others is None:
        return None
    most = os.cpu_count() or 1
    busy = []
    for identity, (name, cpu_seconds) in last.others.items():
        share = (cpu_seconds - first.others.get(identity, ("", 0.0))[1]) / seconds
        # A process that used more is older than the first reading, which missed it.
        if SMALLEST_SHARE <= share <= most:
            process = OtherProcess(
                name=shortened(name, _LONGEST_NAME), pid=identity[0], share=share
            )
            busy.append(process)
    return sorted(busy, key=lambda process: -process.share)


def _other_cores(first: _Reading, last: _Reading, seconds: float) -> float | None:
    """Return the mean number of cores that other processes used; None if unknown."""
    # Without steal time.
    before, after = (
        sum(busy_seconds(cpu) - getattr(cpu, "steal", 0.0) for cpu in reading.cpus)
        for reading in (first, last)
    )
    if after <= before or len(first.cpus) != len(last.cpus):
        return None
    return max(0.0, after - before - (last.seconds - first.seconds)) / seconds
