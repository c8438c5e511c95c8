from __future__ import annotations

import pytest

from perceptron.analysis.stored.finding import finding, published_iteration_seconds


def test_a_backend_whose_turn_did_not_come_has_its_row_and_the_reason() -> None:
    (absent,) = finding([], ["torch-cuda"])
    assert (absent.seconds, absent.published_seconds) == (None, 23.1)
    assert absent.reason == "the run ended before its turn"


def test_the_published_times_belong_to_their_problem() -> None:
    """23.1 s for 10,000 iterations on the OR gate; nothing was published for another."""
    assert published_iteration_seconds("or-gate")["torch-cuda"] == pytest.approx(2.31e-3)
    assert published_iteration_seconds("xor") == {}
