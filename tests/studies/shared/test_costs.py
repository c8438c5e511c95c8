from __future__ import annotations

import pytest

from perceptron.studies.shared.costs import Costs


def test_a_piece_costs_what_it_did() -> None:
    """The newest half as much as all before it: a neighbour that came slows all that follows."""
    costs = Costs()
    costs.learn("numpy", "small", 1.0)
    assert costs.expect("numpy", "small") == 1.0
    costs.learn("numpy", "small", 3.0)
    assert costs.expect("numpy", "small") == 2.0


def test_a_larger_piece_costs_more_by_its_work() -> None:
    """And one of another kind, of which nothing is known, is guessed."""
    costs = Costs()
    costs.learn("numpy", "small", 0.5, work=10)
    costs.learn("numpy", "large", 4.0, work=1000)
    assert costs.expect("numpy", "larger", work=2000) == 8.0
    assert costs.expect("numpy", "middle", work=500) == 2.0
    assert costs.expect("torch", "larger", work=2000) == Costs().expect("any", "thing")


def test_what_does_not_shrink_with_the_work_is_expected_of_every_piece() -> None:
    costs = Costs()
    costs.learn("numpy", "large", 4.0, work=1000)
    assert costs.expect("numpy", "tiny", work=1) == pytest.approx(0.25)
    costs.learn("quick", "small", 0.01, work=1000)
    assert costs.expect("quick", "tiny", work=1) == pytest.approx(0.01)
