"""Rounds of pairs with made-up times, and pairs of real processes."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import speed_parts
from benchmarks.speed_parts import PAIRS, pair_of, self_ratios
from benchmarks.speeds import SelfRound
from perceptron.measure import launch


def test_rounds_of_eight_pairs_are_taken_until_the_time_is_up() -> None:
    """A round that has begun is taken to its end."""
    now = iter([0.0, 30.0, 60.0])
    numbers: list[int] = []

    def pair(number: int) -> SelfRound:
        numbers.append(number)
        return SelfRound(first=[], second=[])

    ratios = self_ratios("numpy", 1, pair, seconds=50.0, clock=lambda: next(now))
    assert len(ratios.rounds) == 2
    assert numbers == [*range(PAIRS)] * 2


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
    monkeypatch.setattr(speed_parts, "Workers", Noted)
    problems = ["mlp-width:2", "perceptron-rows:4"]
    pair = pair_of("numpy", 1, 3, problems)
    assert len(started) == 2
    for rows in (pair.first, pair.second):
        assert sorted(row.problem or "" for row in rows) == problems
        assert all(row.repeat == 3 and (row.seconds or 0) > 0 for row in rows)
    for one, other in zip(turns[::2], turns[1::2], strict=True):
        assert one[0] == other[0], "the other side's turn comes before the next problem"
        assert {one[1], other[1]} == {"first", "second"}
