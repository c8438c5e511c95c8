"""A racing process from outside: pretended, so that it may do anything, and real ones."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perceptron.backends import registry
from perceptron.measure.launch import Abandoned
from perceptron.measure.race.messages import Looked, Message, RaceJob, Ready, Stopped, Trained
from perceptron.measure.race.process import run_race
from perceptron.records.race import Check, RaceTimes, target_of
from tests.made_race import HELD_OUT


class Child:
    """Stands in for a process: what it says, and how it ends."""

    def __init__(self, says: Sequence[Message | None], code: int = 0) -> None:
        self._lines = [None if m is None else msgspec.json.encode(m) for m in says]
        self._code = code
        self.sent: list[bytes] = []
        self.ended = False

    def __call__(self, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        self.command = command
        return self

    def send(self, line: bytes) -> None:
        self.sent.append(line)

    def read_line(self, timeout_seconds: float) -> bytes | None:
        if not self._lines:
            raise TimeoutError(f"no answer within {timeout_seconds:g} s")
        return self._lines.pop(0)

    def wait(self) -> int:
        return self._code

    def last_message(self) -> str:
        return "ImportError: no such thing"

    def end(self, patience_seconds: float = 0.0) -> None:
        self.ended = True


READY = Ready(imported=12.0, data=12.5, prepared=15.0, modules=["torch"], from_cache=None)


def looked(number: int) -> Looked:
    return Looked(check=Check(38 * number, 0.5 * number, 0.9, 0.1))


def job(**changes: Any) -> RaceJob:
    fields: dict[str, Any] = {
        "backend": "numpy",
        "problem": "digits",
        "seed": 0,
        "dtype": "float32",
        "threads": 1,
        "target": target_of("accuracy=0.9"),
        "iterations": 380,
        "check_iterations": 38,
    }
    return RaceJob(**(fields | changes))


def followed(child: Child, **options: Any) -> RaceTimes:
    return run_race(job(), registry.load("numpy"), clock=lambda: 10.0, start=child, **options)


def test_parts_count_from_when_the_process_was_started() -> None:
    """By the clock that both share; the fresh looks are not those of the second training."""
    says = [READY, looked(1), looked(2), Trained(start="fresh", waited=0.01)]
    child = Child([*says, looked(1), Trained(start="resident", waited=None)])
    times = followed(child)
    assert (times.status, times.import_seconds, times.prepare_seconds) == ("ok", 2.0, 3.0)
    assert (times.data_seconds, times.modules) == (0.5, ["torch"])
    assert times.fresh is not None
    assert times.resident is not None
    assert [check.iterations for check in times.fresh.checks] == [38, 76]
    assert [check.iterations for check in times.resident.checks] == [38]
    assert (times.fresh.waited, times.resident.waited) == (0.01, None)
    assert child.ended
    assert msgspec.json.decode(child.sent[0], type=RaceJob) == job()


@pytest.mark.parametrize(
    ("says", "code", "status", "reason"),
    [
        ([READY, looked(1), None], -11, "failed", "ended by SIGSEGV"),
        ([None], 1, "failed", "exited with 1: ImportError"),
        ([READY, looked(1)], 0, "failed", "no answer within 5 s"),
        ([Stopped(status="skipped", reason="trains one layer")], 0, "skipped", "trains one layer"),
    ],
)
def test_whatever_becomes_of_it_is_its_answer(
    says: list[Message | None], code: int, status: str, reason: str
) -> None:
    child = Child(says, code)
    times = followed(child, timeout_seconds=5.0)
    assert times.status == status
    assert reason in str(times.reason)
    assert times.fresh is None
    assert child.ended


def test_it_is_abandoned_when_the_time_is_over() -> None:
    child = Child([READY, looked(1)])
    with pytest.raises(Abandoned):
        followed(child, seconds_left=lambda: 3.0)
    assert child.ended


CRASHING = """
import os, signal
from perceptron.backends.numpy_backend import NumpyBackend

class Crashing(NumpyBackend):
    name = "crashing"

    def prepare(self, problem, dtype):
        print("noise on standard output", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
"""


def test_real_processes_race_and_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One trains a small model of a file to its target; one of a package ends itself."""
    (tmp_path / "model.toml").write_text(HELD_OUT)
    (tmp_path / "crashing.py").write_text(textwrap.dedent(CRASHING))
    info = tmp_path / "crashing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crashing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[perceptron.backends]\ncrashing = crashing:Crashing\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(str(tmp_path))
    small = {
        "problem": str(tmp_path / "model.toml"),
        "target": target_of("accuracy=0.8"),
        "iterations": 1000,
        "check_iterations": 20,
    }
    times = run_race(job(**small), registry.load("numpy"))
    assert times.reason is None
    assert times.import_seconds is not None
    assert times.import_seconds > 0.01
    assert times.fresh is not None
    assert times.resident is not None
    last = times.fresh.checks[-1]
    assert (last.accuracy or 0) >= 0.8
    assert [c.iterations for c in times.fresh.checks] == [
        c.iterations for c in times.resident.checks
    ]
    assert "SIGSEGV" in str(
        run_race(job(backend="crashing", **small), registry.load("crashing")).reason
    )
    sys.modules.pop("crashing", None)
