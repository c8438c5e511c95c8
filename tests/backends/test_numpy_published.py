from __future__ import annotations

from dataclasses import replace

import pytest

from perceptron.backends.numpy_backend import BACKEND as NUMPY
from perceptron.backends.numpy_published import BACKEND
from perceptron.backends.protocol import Unsupported
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Adam, Sgd
from perceptron.problems.problem import Problem

OR_GATE = catalogue.find("or-gate")


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (replace(OR_GATE, batch=2), "trains on all rows at once, as published, not on batches"),
        (replace(OR_GATE, optimizer=Adam()), "trains by plain gradient descent.*, not by adam"),
        (
            replace(OR_GATE, optimizer=Sgd(rate=0.05, momentum=0.9)),
            "trains by plain gradient descent.*, not by sgd momentum",
        ),
        (replace(OR_GATE, loss="mse"), "trains one sigmoid under the summed L1 loss"),
    ],
)
def test_what_was_not_published_is_refused(problem: Problem, reason: str) -> None:
    """In one line: the console shows it."""
    with pytest.raises(Unsupported, match=reason) as refused:
        BACKEND.prepare(problem, "float64")
    assert "\n" not in str(refused.value)


def test_it_evaluates_as_numpy_does() -> None:
    """Loss and accuracy of the four rows; nothing is held out."""
    ours, theirs = (backend.prepare(OR_GATE, "float64") for backend in (BACKEND, NUMPY))
    for trainer in (ours, theirs):
        trainer.train(500)
    assert ours.evaluate().train.loss == pytest.approx(theirs.evaluate().train.loss, rel=1e-12)
    assert ours.evaluate().train.accuracy == theirs.evaluate().train.accuracy == 1.0
    assert ours.evaluate().test is None
