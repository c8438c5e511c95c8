"""The speeds, with parts that measure nothing, and a pair of real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks import busy
from benchmarks.busy import pair_of
from benchmarks.speeds import GateSpeed, newest_speeds
from perceptron.errors import UserError
from perceptron.measure import launch


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The parts that were measured, and whether the neighbour was there."""
    taken: list[tuple[str, bool]] = []
    is_busy = False

    @contextmanager
    def neighbour(number: int) -> Iterator[None]:
        nonlocal is_busy
        is_busy = bool(number)
        yield

    def part(name: str, value: Any) -> Callable[[], Any]:
        def take() -> Any:
            taken.append((name, is_busy))
            if isinstance(value, Exception):
                raise value
            return value

        return take

    values = {
        "crossover": UserError("no room"),
        "ratios": {"numpy": [0.5]},
        "gate": GateSpeed([1.0], ["ok"]),
    }
    monkeypatch.setattr(busy, "busy_neighbour", neighbour)
    monkeypatch.setattr(busy, "PARTS", {name: part(name, of) for name, of in values.items()})
    return taken


def test_every_part_is_measured_alone_and_then_beside_the_neighbour(
    taken: list[tuple[str, bool]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured before is kept, as long as the code is the same."""
    file = tmp_path / "speeds" / "box.json"
    assert newest_speeds(tmp_path) is None
    busy.measure(file, ["ratios"])
    busy.measure(file, ["gate"])
    assert taken == [("ratios", False), ("ratios", True), ("gate", False), ("gate", True)]
    speeds = newest_speeds(tmp_path)
    assert speeds is not None
    assert speeds.quiet == speeds.busy
    assert (speeds.quiet.ratios, speeds.quiet.bench) == ({"numpy": [0.5]}, None)
    assert speeds.quiet.gate == GateSpeed([1.0], ["ok"])
    monkeypatch.setattr(busy, "revision", lambda: "other")
    assert busy.measure(file, ["gate"]).quiet.ratios is None


def test_a_part_that_fails_is_said_and_costs_no_other(
    taken: list[tuple[str, bool]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speeds = busy.measure(tmp_path / "box.json", ["crossover", "ratios"])
    assert "crossover, busy: no room" in capsys.readouterr().err
    assert speeds.quiet.crossover is None
    assert speeds.quiet.ratios is not None


def test_both_sides_are_fresh_processes_that_take_turns_problem_by_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For real, of small problems: two processes, whatever the number of problems."""
    started: list[Any] = []
    turns: list[tuple[str, str]] = []

    class Counted(launch.ChildProcess):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            started.append(self)

    class Noted(launch.Workers):
        def run(self, name: Any, job: Any, *others: Any) -> Any:
            turns.append((job.problems[0], name))
            return super().run(name, job, *others)

    monkeypatch.setattr(launch, "ChildProcess", Counted)
    monkeypatch.setattr(busy, "Workers", Noted)
    problems = ["mlp-width:2", "perceptron-rows:4"]
    pair = pair_of("numpy", 1, 3, problems)
    assert len(started) == 2
    for rows in (pair.first, pair.second):
        assert sorted(row.problem or "" for row in rows) == problems
        assert all(row.repeat == 3 and (row.seconds or 0) > 0 for row in rows)
    for one, other in zip(turns[::2], turns[1::2], strict=True):
        assert one[0] == other[0], "the other side's turn comes before the next problem"
        assert {one[1], other[1]} == {0, 1}
