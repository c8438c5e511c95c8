from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.analysis.fleet.machine_answer import MachineAnswer, machine_answers
from perceptron.analysis.stored.collection import Collection, collect
from perceptron.analysis.stored.sweep import sweeps
from tests.made import line
from tests.made_fleet import FAMILIES, made_fleet


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return collect(made_fleet(tmp_path_factory.mktemp("fleet"), machines=3))


@pytest.fixture(scope="module")
def answers(collection: Collection) -> dict[str, MachineAnswer]:
    made = machine_answers(collection.sweeps, collection.benches)
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


def test_a_whole_training_takes_ten_thousand_iterations(answers: dict[str, MachineAnswer]) -> None:
    size = answers["epyc-64"].families[0].sizes[0]
    assert size.training is not None
    assert size.training.estimate == pytest.approx(10_000 * size.at.seconds.estimate)


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


def test_times_of_nobody_knows_what_have_no_training() -> None:
    rows = [replace(row, problem=None, machine="epyc-1") for row in line()]
    (answer,) = machine_answers(sweeps(rows), [])
    assert all(size.training is None for size in answer.families[0].sizes)


def test_nothing_measured_answers_nothing(tmp_path: Path) -> None:
    nothing = collect(tmp_path)
    assert machine_answers(nothing.sweeps, nothing.benches) == []
