from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.crossover.sweep import FastestAtSize, Sweep, ranked, sweeps
from perceptron.analysis.interval import Interval
from tests.made import line, linear, measured, world


def sweep_of(**costs: object) -> Sweep:
    (sweep,) = sweeps(world(measured, costs, sizes=(4, 16, 64, 256, 1024), family="line"))  # type: ignore[arg-type]
    return sweep


def test_two_within_their_intervals_are_not_sure() -> None:
    """At one size they take the same; at the others one is ahead by far more than noise."""
    sweep = sweep_of(numpy=linear(1e-4, 1e-6), **{"torch-cpu": linear(1.64e-4, 0)})
    answers = {one.size: one for one in sweep.fastest}
    assert {answers[64].backend, *answers[64].unsure} == {"numpy", "torch-cpu"}
    assert answers[4] == FastestAtSize(4, "numpy", answers[4].seconds, [])
    assert (answers[1024].backend, answers[1024].unsure) == ("torch-cpu", [])


@pytest.mark.parametrize("doubt", [{"status": "suspect"}, {"status": "undecided", "decided": []}])
def test_a_pair_that_is_not_believable_or_decided_is_not_sure(doubt: dict[str, object]) -> None:
    (sweep,) = sweeps(line())
    doubted = [replace(one, **doubt) for one in sweep.crossovers]
    answers = replace(sweep, crossovers=doubted).fastest
    assert all(one.unsure for one in answers)


def test_the_only_size_of_a_pair_has_no_fastest() -> None:
    """As its crossover says, however far the times are apart."""
    both = world(measured, {"numpy": linear(1, 0), "torch-cpu": linear(800, 0)}, sizes=(4,))
    (sweep,) = sweeps([*both, *world(measured, {"numpy": linear(1, 0)}, sizes=(16,))])
    (crossover,) = sweep.crossovers
    (answer,) = sweep.fastest
    assert (crossover.status, answer.unsure) == ("undecided", ["torch-cpu"])


def test_single_values_leave_everything_open() -> None:
    (sweep,) = sweeps(line(processes=1))
    answers = sweep.fastest
    assert all(one.unsure for one in answers)


def test_without_a_ratio_the_intervals_decide() -> None:
    times = {
        "a": Interval(1.0, 0.9, 1.1),
        "b": Interval(1.15, 1.05, 1.3),
        "c": Interval(2.0, 1.8, 2.2),
    }
    assert ranked(times, {}) == ("a", ["b"])
    assert ranked(times, {("a", "b"): True, ("a", "c"): False}) == ("a", ["c"])


def test_what_is_slower_by_its_ratio_is_not_the_fastest_by_its_time() -> None:
    """A time may rest on contended repeats, which no ratio does."""
    seconds = {"numpy": Interval(2.0, 1.0, 4.0), "torch-cpu": Interval(1.5, 1.0, 2.0)}
    decided = {("numpy", "torch-cpu"): True, ("torch-cpu", "numpy"): False}
    assert ranked(seconds, decided) == ("numpy", [])
