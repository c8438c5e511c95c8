from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.analysis.fleet.advice import Asked, FleetAdvice, Place, fleet_advice
from perceptron.records.measurement import Measurement
from perceptron.records.prices import Prices
from tests.made import line
from tests.made_fleet import machine_rows, name_of

WIDTH = Place(family="mlp-width", size=100, problem="mlp-width", axis="width")


def fleet(machines: int = 3) -> list[Measurement]:
    return [
        replace(row, machine=name_of(index))
        for index in range(machines)
        for row in machine_rows(index)
    ]


def ask(
    rows: list[Measurement],
    place: Place = WIDTH,
    prices: Prices | None = None,
    **fields: object,
) -> FleetAdvice:
    own: dict[str, object] = {"problem": "p", "iterations": 10, "dtype": "float32"}
    asked = Asked(places=[place], **(own | fields))  # type: ignore[arg-type]
    machines = list(dict.fromkeys((row.machine, row.source) for row in rows))
    return fleet_advice(rows, machines, asked, prices)


def at(size: float) -> Place:
    return replace(WIDTH, size=size)


def test_machines_stand_with_the_fastest_first() -> None:
    """Between two sizes the answer is an estimate that says between which."""
    answer = ask(fleet())
    assert [one.machine for one in answer.machines] == ["epyc-64", "epyc-128", "xeon-2core"]
    best = answer.machines[0]
    assert (best.backend, best.estimate, best.between) == ("numpy", True, (64, 256))
    truth = 1e-4 + 1e-6 * 100
    assert best.seconds.low is not None
    assert best.seconds.high is not None
    assert best.seconds.low < truth < best.seconds.high
    assert best.training.estimate == pytest.approx(10 * best.seconds.estimate)


def test_a_size_that_was_measured_is_no_estimate() -> None:
    best = ask(fleet(), at(256)).machines[0]
    assert (best.backend, best.estimate, best.between, best.unsure) == (
        "torch-cpu",
        False,
        None,
        [],
    )


def test_machines_within_their_intervals_are_not_sure() -> None:
    rows = [replace(row, machine=name) for name in ("a", "b") for row in line()]
    answer = ask(rows)
    assert answer.unsure == [1]
    assert ask(fleet(), at(256)).unsure == []


def test_outside_of_what_was_measured_a_machine_says_so() -> None:
    answer = ask(fleet(1), at(8192))
    assert answer.machines == []
    (absent,) = answer.absent
    assert absent.reason == "measured mlp-width at width 4 to 1,024, and 8,192 lies outside"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"dtype": "float64"}, "measured mlp-width in float32, not in float64"),
        ({"threads": 7}, "measured mlp-width on 2 threads, not on 7"),
        ({"backends": ("jax-cpu",)}, "measured mlp-width by none of jax-cpu"),
    ],
)
def test_what_was_asked_for_and_not_measured_is_said(
    fields: dict[str, object], reason: str
) -> None:
    assert [one.reason for one in ask(fleet(1), **fields).absent] == [reason]


def test_rows_of_another_problem_answer_nothing() -> None:
    """Neither those of a file with other contents, nor those that name no problem."""
    place = Place(family="mlp-width", size=16, problem="other.toml@1", axis="width")
    assert ask(fleet(1), place).machines == []
    unnamed = [replace(row, problem=None) for row in fleet(1)]
    assert [one.reason for one in ask(unnamed).absent] == ["measured nothing of mlp-width"]


def test_each_number_of_threads_is_an_answer_of_its_own() -> None:
    rows = [replace(row, threads=threads) for row in line() for threads in (1, 2)]
    assert {one.threads for one in ask(rows).machines} == {1, 2}
    assert [one.threads for one in ask(rows, threads=2).machines] == [2]


def test_what_was_measured_goes_before_an_estimate() -> None:
    """The same problem under two families: the one that has its size answers."""
    shape = [
        replace(row, family="mlp:256x64x100", problem="mlp:256x64x100", size=256)
        for row in line(sizes=(100,))
    ]
    exact = Place(family="mlp:256x64x100", size=256, problem="mlp:256x64x100", axis="size")
    asked = Asked(problem="p", places=[WIDTH, exact], iterations=1, dtype="float32")
    answer = fleet_advice([*line(), *shape], [("box", "perceptron")], asked)
    assert [(one.family, one.estimate) for one in answer.machines] == [("mlp:256x64x100", False)]


def test_the_cheapest_is_not_always_the_fastest() -> None:
    prices = Prices(currency="EUR", per_hour={"epyc-64": 36, "epyc-128": 3.6})
    answer = ask(fleet(), prices=prices)
    assert answer.currency == "EUR"
    assert answer.cheapest is not None
    assert answer.cheapest.machine == "epyc-128"
    costs = [one.cost for one in answer.machines]
    assert costs[2] is None
    assert costs[0] is not None
    assert costs[0].estimate == pytest.approx(answer.machines[0].training.estimate / 100)


def test_a_machine_with_another_definition_of_the_problem_has_no_answer() -> None:
    """Another training of that name; which one is newer no clock tells."""
    rows = [
        replace(row, problem_digest="old" if row.machine == "epyc-64" else "new") for row in fleet()
    ]
    answer = ask(rows)
    assert [one.machine for one in answer.machines] == ["epyc-128", "xeon-2core"]
    (absent,) = answer.absent
    assert absent.machine == "epyc-64"
    assert absent.reason == "measured mlp-width by another definition than most machines have"
