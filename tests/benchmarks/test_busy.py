"""The speeds, with parts that measure nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import busy
from benchmarks.speeds import GateSpeed, Speeds
from perceptron.errors import UserError


class Bench:
    """A neighbour, and parts that note whether it was there."""

    def __init__(self) -> None:
        self.is_busy = False
        self.taken: list[tuple[str, bool]] = []
        self.kept: list[Speeds] = []
        self.said: list[str] = []

    @contextmanager
    def neighbour(self, wanted: bool) -> Iterator[None]:
        self.is_busy = wanted
        yield
        self.is_busy = False

    def part(self, name: str, value: Any) -> Callable[[], Any]:
        def take() -> Any:
            self.taken.append((name, self.is_busy))
            if isinstance(value, Exception):
                raise value
            return value

        return take


def measured(
    bench: Bench, parts: dict[str, Any], known: dict[str, Any] | None = None, **old: Any
) -> Speeds:
    speeds = Speeds(machine="box", cpu="", cores=2, code="c", when="", command="", **old)
    return busy.measure(
        speeds,
        list(parts),
        known or {},
        bench.kept.append,
        bench.said.append,
        {name: bench.part(name, value) for name, value in parts.items()},
        bench.neighbour,
    )


def test_every_part_is_measured_alone_and_then_beside_the_neighbour() -> None:
    """Each is kept at once, and none that was measured before is lost."""
    bench = Bench()
    gate = GateSpeed([1.0], ["ok"])
    speeds = measured(bench, {"ratios": {"numpy": [0.5]}, "gate": gate})
    assert bench.taken == [("ratios", False), ("ratios", True), ("gate", False), ("gate", True)]
    assert len(bench.kept) == 4
    assert bench.kept[0].quiet.ratios == {"numpy": [0.5]}
    assert bench.kept[0].busy.ratios is None
    assert speeds.quiet.gate == speeds.busy.gate == gate
    assert speeds.busy.ratios == {"numpy": [0.5]}


def test_a_part_that_fails_is_said_and_costs_no_other() -> None:
    bench = Bench()
    speeds = measured(bench, {"crossover": UserError("no room"), "ratios": {"numpy": [0.5]}})
    assert "crossover, busy: no room" in bench.said
    assert speeds.quiet.crossover is None
    assert speeds.quiet.ratios is not None
