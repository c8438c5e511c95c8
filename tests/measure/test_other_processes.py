from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from perceptron.measure import other_processes
from perceptron.measure.other_processes import SECONDS, Look, waited_seconds
from perceptron.records.conditions import Conditions, OtherProcess

ME = os.getpid()


def process(pid: int, name: str, used: float, parent: int = 1, began: float = 0.0) -> Any:
    times = SimpleNamespace(user=used, system=0.0, children_user=0.0, children_system=0.0)
    facts = {"pid": pid, "ppid": parent, "name": name, "create_time": began, "cpu_times": times}
    return SimpleNamespace(info=facts)


def cpu(busy: float, steal: float = 0.0) -> SimpleNamespace:
    return SimpleNamespace(user=busy, system=0.0, idle=100.0, steal=steal)


class Machine:
    """Stands in for psutil, the clock and sleeping: two readings of processes and CPUs."""

    def __init__(self, first: list[Any], second: list[Any], cpus: tuple[Any, Any]) -> None:
        self.now = 100.0
        self._processes = iter((first, second))
        self._cpus = iter(cpus)

    def process_iter(self, fields: list[str]) -> Iterator[Any]:
        yield from next(self._processes)

    def cpu_times(self, percpu: bool) -> Any:
        return [next(self._cpus)]

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def look(self, busy_for: float = 0.0, pressure: Path = Path("nowhere")) -> Conditions:
        look = Look(SECONDS, self, lambda: self.now, self.sleep, pressure)
        self.now += busy_for
        return look.end()


@pytest.fixture(autouse=True)
def one_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_processes, "_affinity", lambda cpus: range(cpus))


def test_others_are_named_with_their_share_of_a_core_the_largest_first() -> None:
    """Only what they used during the look, and only if it is a tenth of a core or more."""
    machine = Machine(
        [process(7, "idle", 50.0), process(8, "small", 1.0), process(9, "large", 3.0)],
        [process(7, "idle", 50.19), process(8, "small", 1.5), process(9, "large", 4.8)],
        (cpu(10.0), cpu(12.6)),
    )
    use = machine.look()
    assert use.other_processes == [
        OtherProcess(name="large", pid=9, share=pytest.approx(0.9)),
        OtherProcess(name="small", pid=8, share=pytest.approx(0.25)),
    ]
    assert use.other_cores == pytest.approx(1.3)


def test_our_own_work_is_nobody_elses() -> None:
    """Nor that of descendants, whether they still run or have ended."""
    before = [process(ME, "python", 1.0), process(5, "worker", 1.0, parent=ME)]
    me = process(ME, "python", 1.4)
    me.info["cpu_times"].children_user = 0.3
    after = [me, process(5, "worker", 2.5, parent=ME), process(6, "deep", 1.0, parent=5)]
    use = Machine(before, [*after, process(9, "other", 0.0)], (cpu(10.0), cpu(13.4))).look()
    assert use.other_processes is None, "nobody was there to be read at first"
    assert use.other_cores == pytest.approx((3.4 - 0.4 - 0.3 - 1.5 - 1.0) / SECONDS)


def test_other_processes_reused_pid_is_a_new_process() -> None:
    """The new one has used what it has used since it began."""
    machine = Machine(
        [process(9, "old", 500.0)],
        [process(9, "new", 1.0, began=99.0), process(10, "unseen", 800.0)],
        (cpu(0.0), cpu(1.0)),
    )
    assert machine.look().other_processes == [OtherProcess(name="new", pid=9, share=0.5)]


def test_other_processes_look_takes_two_seconds_at_least() -> None:
    """It adds the rest only, and shares are of the time that it really took."""
    readings = [process(9, "other", 0.0)], [process(9, "other", 2.0)]
    for busy_for, ends, share in ((0.5, 102.0, 1.0), (4.0, 104.0, 0.5)):
        machine = Machine(*readings, (cpu(0.0), cpu(2.0)))
        (neighbour,) = machine.look(busy_for).other_processes or []
        assert machine.now == ends
        assert neighbour.share == share


def test_other_processes_name_is_one_short_line() -> None:
    """A process is free to call itself anything."""
    evil = "a\x1b[31m\nb" + "c" * 100
    machine = Machine([process(9, evil, 0.0)], [process(9, evil, 2.0)], (cpu(0.0), cpu(2.0)))
    (neighbour,) = machine.look().other_processes or []
    assert neighbour.name.isprintable()
    assert len(neighbour.name) <= 40


def test_other_processes_unreadable_values_are_none() -> None:
    """No list of processes, no times of CPUs, no right to look: never an error."""

    def refuse(*_: object, **__: object) -> Any:
        raise psutil.AccessDenied

    nothing = SimpleNamespace(process_iter=refuse, cpu_times=refuse)
    seen = Look(SECONDS, nothing, lambda: 0.0 if not calls else 2.0, calls.append, Path("nowhere"))
    assert seen.end() == Conditions()
    hidden = process(9, "root's", 0.0)
    hidden.info["cpu_times"] = None
    machine = Machine([hidden], [hidden], (cpu(0.0), cpu(0.0)))
    assert machine.look() == Conditions()


calls: list[float] = []


def test_other_processes_pressure_is_share_of_look(tmp_path: Path) -> None:
    """As the kernel sums it up in microseconds; None without that file."""
    pressure = tmp_path / "cpu"
    line = "some avg10=29.33 avg60=19.12 avg300=6.09 total={}\nfull avg10=0.00 total=0\n"
    pressure.write_text(line.format(1_000_000))
    machine = Machine([], [], (cpu(0.0), cpu(0.0)))
    look = Look(SECONDS, machine, lambda: machine.now, machine.sleep, pressure)
    pressure.write_text(line.format(1_500_000))
    assert look.end().threads_waited == 0.25
    pressure.write_text("something else")
    assert waited_seconds(pressure) is None
    assert waited_seconds(tmp_path / "nothing") is None


def test_other_processes_finds_spinning_process() -> None:
    """One that is not of ours: started by another that has ended."""
    spin = (
        "import os, time\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "print(os.getpid(), flush=True)\n"
        "end = time.monotonic() + 300\n"
        "while time.monotonic() < end: pass\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", spin], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    try:
        starter.wait()
        spinning = psutil.Process(pid)
        others: list[OtherProcess] = []
        while not others:  # others may have the cores, and be named in its place
            before, began = sum(spinning.cpu_times()[:2]), time.monotonic()
            others = [
                seen_process
                for seen_process in Look().end().other_processes or []
                if seen_process.pid == pid
            ]
            used = sum(spinning.cpu_times()[:2]) - before
            seconds = time.monotonic() - began
        assert others[0].name == spinning.name()
        assert others[0].share > 0.3 * used / seconds
    finally:
        os.kill(pid, 9)
        starter.stdout.close()
