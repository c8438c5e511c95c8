from __future__ import annotations

import pytest

from perceptron.errors import UserError
from perceptron.studies.shared.over_processes import counts_of, pairs_over

ALONE, TWO, FOUR = "torch-ddp", "torch-ddp@2", "torch-ddp@4"


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
