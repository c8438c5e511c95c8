from __future__ import annotations

from msgspec.structs import replace

from perceptron.analysis.fleet.definitions import of_one_definition
from perceptron.analysis.stored.sweep import sweeps
from perceptron.records.measurement import Measurement
from tests.made import line


def on(machine: str, digest: str | None, when: str = "2026-01-01T00:00:00Z") -> list[Measurement]:
    return [replace(row, machine=machine, problem_digest=digest, when=when) for row in line()]


def parted(*rows: Measurement) -> tuple[list[str], list[str]]:
    kept, others = of_one_definition(sweeps(rows))
    return sorted(one.machine for one in kept), sorted(one.machine for one in others)


def test_what_most_machines_have_counts_whatever_their_clocks_say() -> None:
    late = on("late", "other", when="2099-01-01T00:00:00Z")
    assert parted(*on("a", "one"), *on("b", "one"), *late) == (["a", "b"], ["late"])


def test_of_equally_many_the_order_does_not_depend_on_clocks() -> None:
    times = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
    for first, second in (times, times[::-1]):
        assert parted(*on("a", "one", first), *on("b", "two", second)) == (["b"], ["a"])


def test_rows_that_do_not_know_their_definition_are_of_any() -> None:
    assert parted(*on("a", None), *on("b", "one"), *on("c", None)) == (["a", "b", "c"], [])
