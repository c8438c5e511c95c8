from __future__ import annotations

import pytest

from perceptron.errors import UserError
from perceptron.studies.map import MapPlan
from perceptron.studies.shared.over_processes import counts_of, pairs_over

ALONE, TWO, FOUR = "torch-ddp", "torch-ddp@2", "torch-ddp@4"


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
