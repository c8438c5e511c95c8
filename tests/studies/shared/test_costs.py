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
    """Except for what every piece takes; one of a kind that was never seen is guessed."""
    costs = Costs()
    costs.learn("numpy", "small", 0.25, work=10)
    costs.learn("numpy", "large", 4.25, work=1000)
    assert costs.expect("numpy", "larger", work=2000) == pytest.approx(8.25)
    assert costs.expect("numpy", "middle", work=500) == pytest.approx(2.25)
    assert costs.expect("torch", "larger", work=2000) == Costs().expect("any", "thing")


def test_what_every_piece_takes_does_not_grow_with_the_work() -> None:
    """0.05 s of 0.3 s follow the work: 64 times as much of it takes seconds, not a minute."""
    costs = Costs()
    costs.learn("numpy", "small", 0.3, work=1)
    assert costs.expect("numpy", "large", work=64) == pytest.approx(0.25 + 0.05 * 64)


def test_the_smallest_piece_shows_what_every_piece_takes() -> None:
    costs = Costs()
    costs.learn("numpy", "large", 4.0, work=1000)
    assert costs.expect("numpy", "tiny", work=1e-3) == pytest.approx(0.25, rel=1e-3)
    costs.learn("numpy", "small", 0.1, work=1)
    costs.learn("numpy", "middle", 0.2, work=10)
    assert costs.expect("numpy", "twice", work=20) == pytest.approx(0.1 + 0.1 * 2)
    assert costs.expect("numpy", "tiny", work=1e-3) == pytest.approx(0.1, rel=1e-3)


def test_where_all_sizes_take_the_same_none_between_is_expensive() -> None:
    """As on a GPU, which is warmed up for each: the middle would have no time, nor what is larger.

    By the smallest alone a piece of 500 times its work takes minutes.
    """
    costs = Costs()
    costs.learn("torch-cuda", "small", 0.8, work=1.0)
    costs.learn("torch-cuda", "large", 0.9, work=1e6)
    assert costs.expect("torch-cuda", "middle", work=500) <= 0.9
    assert costs.expect("torch-cuda", "larger", work=4e6) == pytest.approx(1.2, rel=1e-3)


def test_what_is_smaller_takes_no_longer() -> None:
    costs = Costs()
    costs.learn("torch-cuda", "small", 0.8, work=1.0)
    costs.learn("torch-cuda", "large", 0.9, work=32.0)
    assert costs.expect("torch-cuda", "middle", work=4.0) == 0.9


def test_what_must_take_long_is_expected_to_until_it_was_seen() -> None:
    """A guess is no shorter than that; what a piece took is what it takes."""
    costs = Costs()
    assert costs.expect("single", "many", least=8.0) == 8.0
    costs.learn("single", "few", 0.5, work=1.0)
    assert costs.expect("single", "many", work=2.0, least=8.0) == 8.0
    costs.learn("single", "many", 3.0, work=2.0)
    assert costs.expect("single", "many", work=2.0, least=8.0) == 3.0
