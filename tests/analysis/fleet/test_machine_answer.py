from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.analysis.fleet.machine_answer import MachineAnswer, machine_answers
from perceptron.analysis.interval import Interval
from perceptron.analysis.stored.collection import Collection, collect
from perceptron.analysis.stored.sweep import sweeps
from perceptron.records.prices import Prices
from tests.made import line
from tests.made_fleet import FAMILIES, made_fleet

PRICES = Prices(currency="USD", per_hour={"epyc-*": 3.6})


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return collect(made_fleet(tmp_path_factory.mktemp("fleet"), machines=3))


@pytest.fixture(scope="module")
def answers(collection: Collection) -> dict[str, MachineAnswer]:
    made = machine_answers(collection.sweeps, collection.benches, PRICES)
    return {one.machine: one for one in made}


def test_each_machine_answers_for_every_family_and_the_finding(
    answers: dict[str, MachineAnswer],
) -> None:
    assert list(answers) == ["epyc-128", "epyc-64", "xeon-2core"]
    for one in answers.values():
        assert [family.family for family in one.families] == list(FAMILIES)
        for family in one.families:
            assert [(part.low, part.high, part.backend) for part in family.fastest] == [
                (4, 64, "numpy"),
                (256, 1024, "torch-cpu"),
            ]
            (crossover,) = family.crossovers
            assert crossover.machine == one.machine
            assert crossover.low is not None
        assert one.finding is not None
        assert one.finding.fastest == "numpy"
        assert one.finding.unsure == []


def test_a_whole_training_costs_its_seconds_at_the_machines_price(
    answers: dict[str, MachineAnswer],
) -> None:
    """3.60 an hour is a thousandth a second, and the interval is that of the seconds."""
    size = answers["epyc-64"].families[0].sizes[0]
    assert size.training is not None
    assert size.training.estimate == pytest.approx(10_000 * size.at.seconds.estimate)
    assert size.cost is not None
    assert size.cost.low is not None
    assert size.training.low is not None
    assert size.cost.estimate == pytest.approx(size.training.estimate / 1000)
    assert size.cost.low == pytest.approx(size.training.low / 1000)
    assert answers["xeon-2core"].families[0].sizes[0].cost is None
    assert answers["xeon-2core"].per_hour is None


def test_the_finding_costs_its_own_seconds(answers: dict[str, MachineAnswer]) -> None:
    finding = answers["epyc-64"].finding
    assert finding is not None
    assert finding.best is not None
    costs = dict(zip((row.backend for row in finding.rows), finding.costs, strict=True))
    cost = costs["numpy"]
    assert isinstance(cost, Interval)
    assert finding.best.seconds is not None
    assert cost.estimate == pytest.approx(finding.best.seconds / 1000)
    assert costs["torch-cuda"] is None


def test_of_one_machine_and_family_the_newest_state_answers() -> None:
    old = [replace(row, commit="old", when="2025-01-01T00:00:00Z") for row in line()]
    new = [replace(row, seconds=row.seconds and row.seconds * 2) for row in line()]
    (answer,) = machine_answers(sweeps([*old, *new]), [])
    (family,) = answer.families
    assert family.commit == "abc"


def test_grounds_stay_apart() -> None:
    """Two numbers of threads and two dtypes are four answers."""
    rows = [
        replace(row, threads=threads, dtype=dtype)
        for row in line()
        for threads in (1, 2)
        for dtype in ("float32", "float64")
    ]
    (answer,) = machine_answers(sweeps(rows), [])
    grounds = {(family.ground.threads, family.ground.dtype) for family in answer.families}
    assert len(grounds) == len(answer.families) == 4


def test_times_of_nobody_knows_what_have_no_training_and_no_cost() -> None:
    rows = [replace(row, problem=None, machine="epyc-1") for row in line()]
    (answer,) = machine_answers(sweeps(rows), [], PRICES)
    assert all(size.training is None and size.cost is None for size in answer.families[0].sizes)


def test_nothing_measured_answers_nothing(tmp_path: Path) -> None:
    nothing = collect(tmp_path)
    assert machine_answers(nothing.sweeps, nothing.benches, PRICES) == []
