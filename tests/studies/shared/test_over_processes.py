from __future__ import annotations

from collections.abc import Callable

import pytest

from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.studies.advise import AdvisePlan
from perceptron.studies.bench import BenchPlan
from perceptron.studies.crossover import CrossoverPlan
from perceptron.studies.map import MapPlan
from perceptron.studies.overhead_plan import OverheadPlan
from perceptron.studies.shared.over_processes import (
    counts_of,
    pairs_over,
)

ALONE, TWO, FOUR = "torch-ddp", "torch-ddp@2", "torch-ddp@4"
PLANS: dict[str, Callable[..., object]] = {
    "bench": lambda backends, threads: BenchPlan(backends=backends, threads=(2, threads)),
    "crossover": lambda backends, threads: CrossoverPlan(backends=backends, threads=(2, threads)),
    "crossover of a pair": lambda backends, threads: CrossoverPlan(
        pairs=(backends[:2],), threads=(2, threads)
    ),
    "map": lambda backends, threads: MapPlan(backends=backends, threads=threads),
    "overhead": lambda backends, threads: OverheadPlan(backends=backends, threads=threads),
    "advise": lambda backends, threads: AdvisePlan(
        catalogue.find("or-gate"), backends=backends, threads=threads
    ),
}


@pytest.mark.parametrize("study", PLANS)
def test_threads_that_processes_cannot_share_evenly_are_refused_by_every_study(study: str) -> None:
    """Before anything is measured: such a row would not be that of its task, for ever missing."""
    PLANS[study]((TWO, "numpy"), 4)
    with pytest.raises(UserError) as refused:
        PLANS[study]((TWO, "numpy"), 3)
    assert str(refused.value) == (
        "--threads 3 cannot be shared evenly by the 2 processes of torch-ddp@2: give --threads 4, "
        "the number for all processes together, or --processes that divide 3"
    )


def test_what_is_asked_for_instead_would_be_taken() -> None:
    """By all of the processes, not only by those that are named."""
    with pytest.raises(UserError, match="give --threads 12"):
        MapPlan(backends=("numpy", "torch-ddp@4", "torch-ddp@6"), threads=8)
    MapPlan(backends=("numpy", "torch-ddp@4", "torch-ddp@6"), threads=12)


def test_a_pair_that_is_named_has_each_count() -> None:
    assert pairs_over([("numpy", ALONE)], (1, 2)) == (("numpy", ALONE), ("numpy", TWO))
    assert pairs_over([(ALONE, TWO)], ()) == ((ALONE, TWO),)
    assert pairs_over([], (1, 2)) == ()
    with pytest.raises(UserError, match="leave out --processes"):
        pairs_over([(ALONE, TWO)], (1, 2))
    with pytest.raises(UserError, match="--processes: numpy, torch-cpu train in one process"):
        pairs_over([("numpy", "torch-cpu")], (2,))


def test_counts_are_those_of_what_trains_over_processes() -> None:
    assert counts_of(["numpy", FOUR, ALONE]) == (1, 4)
    assert counts_of(["numpy", "torch-cpu"]) == ()
