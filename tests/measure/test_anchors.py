"""Anchors: small work that every worker times before its jobs."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp

import pytest

from perceptron.measure.anchors import anchors
from perceptron.measure.job import Time
from perceptron.measure.launch import Workers
from perceptron.records.measurement import Measurement
from perceptron.records.validity import impossible
from perceptron.statistics.ranking import rank_rows
from perceptron.statistics.states import ANCHORS, state_warnings
from tests.made import measured

JOB = Time(
    problem="or-gate",
    backend="numpy",
    dtype="float32",
    threads=1,
    samples=1,
    minimum_seconds=0.0,
    iterations=2,
)


def ticks(*seconds: float) -> Iterator[float]:
    """Yield what a clock shows around tries that take so long, and long between them."""
    now = 0.0
    for each in seconds:
        yield now
        yield now + each
        now += each + 100.0


def test_anchor_is_minimum_of_tries() -> None:
    clock = ticks(3e-3, 1e-3, 2e-3, 5e-3, 4e-3, 6e-3, 8e-3, 9e-3, 7e-3)
    seen = anchors(lambda: next(clock))
    assert list(seen) == list(ANCHORS)
    assert list(seen.values()) == pytest.approx([1e-3, 4e-3, 7e-3])


def test_anchors_are_equal_in_all_rows_of_worker() -> None:
    with Workers() as workers:
        workers.warm({"numpy": JOB})
        first, second = workers.run("numpy", JOB), workers.run("numpy", JOB)
    assert first.anchors is not None
    assert set(first.anchors) == set(ANCHORS)
    assert second.anchors == first.anchors


def rows(*slow: int, split: bool) -> list[Measurement]:
    """Return eight repeats of two backends, and the loop's anchors: slower in some."""
    return [
        measured(
            backend=backend,
            repeat=repeat,
            seconds=1e-3 * factor * exp(0.01 * (repeat % 3)),
            waited=0.0,
            anchors={"product": 1e-3, "memory": 1e-3, "loop": 2e-3 if repeat in slow else 1e-3}
            if split
            else None,
        )
        for backend, factor in (("a", 1.0), ("b", 1.5))
        for repeat in range(8)
    ]


def test_anchors_that_split_name_two_states() -> None:
    assert state_warnings(rows(2, 6, split=False)) == []
    (warning,) = state_warnings(rows(2, 6, split=True))
    assert "a Python loop" in warning.message
    assert "2.00× as long in repeats 2 and 6 as in repeats 0, 1, 3–5 and 7" in warning.message
    assert rank_rows(rows(2, 6, split=True)).winner == "a"


def test_anchors_impossible_value_is_refused() -> None:
    (row, *_) = rows(split=True)
    assert impossible(row) is None
    assert str(impossible(measured(seconds=1.0, anchors={"loop": -1.0}))).startswith("anchors:")
