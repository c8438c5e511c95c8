"""Rows of one family and size that were trained in two ways are in no answer together."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from perceptron.analysis.collection import collection_of
from perceptron.analysis.crossover.judge import crossovers
from perceptron.analysis.history import histories
from perceptron.analysis.phase_map.phase_map import phase_map_of
from perceptron.analysis.training import KEPT_APART, kept_apart
from perceptron.records.measurement import Measurement
from tests.analysis.crossover.conftest import row
from tests.made import POWERS, linear, map_rows, read_as_one, world

SGD = {"optimizer": "sgd", "feed": "resident", "outputs": 1}
WAYS = {
    "optimizer": {"optimizer": "adam"},
    "feed": {"feed": "host", "batch": 64},
    "outputs": {"outputs": 10},
    "batch": {"batch": 64},
}


def in_two_ways(way: str, own: Sequence[str] = ("numpy", "gpu")) -> list[Measurement]:
    """NumPy and a GPU by plain descent, which meet at 100; the other way, at 10,000."""
    plain = world(row, {"numpy": linear(1, 1), "gpu": linear(100, 0.01)}, **SGD)
    otherwise = world(row, {"numpy": linear(1, 1), "gpu": linear(10_000, 0.01)}, **SGD | WAYS[way])
    return [*plain, *(one for one in otherwise if one.backend in own)]


@pytest.mark.parametrize("way", WAYS)
def test_each_way_has_its_own_crossover(way: str) -> None:
    near, far = sorted(crossovers(in_two_ways(way)), key=lambda found: found.size or 0)
    assert near.size == pytest.approx(100, rel=0.1)
    assert far.size == pytest.approx(10_100, rel=0.1)
    (field,) = set(WAYS[way]) - {"batch"} or {"batch"}
    assert getattr(near, field) == SGD.get(field)
    assert getattr(far, field) == WAYS[way][field]


def test_backends_trained_in_two_ways_are_never_a_pair() -> None:
    """Not even where each has one way only, and a line says why there is no answer."""
    rows = [
        one
        for one in in_two_ways("optimizer")
        if (one.backend, one.optimizer) in (("numpy", "sgd"), ("gpu", "adam"))
    ]
    assert crossovers(rows) == []
    (warning,) = kept_apart(rows)
    assert warning.code == KEPT_APART
    assert "adam and of sgd" in warning.message


def test_sizes_of_a_family_along_the_batch_are_one_line() -> None:
    rows = [
        replace(one, batch=int(one.size), axes=("batch",), optimizer="adam")
        for one in world(row, {"numpy": linear(1, 1), "gpu": linear(100, 0.01)})
    ]
    (found,) = crossovers(rows)
    assert (found.status, found.axis, found.batch) == ("crosses", "batch", None)
    assert found.sizes_measured == POWERS


def test_sweeps_and_the_numbers_of_processes_follow() -> None:
    """A sweep is of one way, and rows of another take no process from it."""
    rows = [replace(one, source="csv", file="a.csv") for one in in_two_ways("optimizer")]
    numbered = read_as_one([rows[: len(rows) // 2], rows[len(rows) // 2 :]])
    assert {one.repeat for one in numbered if one.optimizer == "adam"} == set(range(6))
    sweeps = collection_of(rows).sweeps
    assert {sweep.ground.optimizer for sweep in sweeps} == {"adam", "sgd"}
    for sweep in sweeps:
        (crossover,) = sweep.crossovers
        assert crossover.optimizer == sweep.ground.optimizer


def test_a_history_is_of_one_way() -> None:
    rows = [
        row(
            source="asv",
            commit=commit,
            committed=f"2026-01-0{day}T00:00:00Z",
            optimizer=optimizer,
            seconds=seconds,
        )
        for day, commit in enumerate(("a", "b"), start=1)
        for optimizer, seconds in (("adam", 2.0), ("sgd", 1.0))
    ]
    levels = [{point.seconds for point in past.points} for past in histories(rows)]
    assert sorted(levels, key=max) == [{1.0}, {2.0}]


def test_a_map_of_two_ways_is_refused() -> None:
    rows = map_rows()
    with pytest.raises(ValueError, match="may not be compared"):
        phase_map_of([*rows, *(replace(one, optimizer="adam") for one in rows)])
