"""Rows of one family and size that were trained in two ways are in no answer together."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from perceptron.analysis.collection import collection_of
from perceptron.analysis.crossover.judge import crossovers
from perceptron.records.measurement import Measurement
from tests.analysis.crossover.conftest import row
from tests.made import linear, read_as_one, world

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
