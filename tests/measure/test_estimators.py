"""scikit-learn's own fit, timed: what it takes once, and what each iteration adds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from perceptron.measure.estimators import fit_of, time_fits
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue
from perceptron.problems.datasets import given
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Layer, Loss, Problem
from perceptron.problems.start import FanInStart


@pytest.mark.parametrize(("once", "epoch"), [(0.5, 0.004), (0.0001, 2.0), (0.0, 1e-5)])
def test_setup_and_iterations_are_told_apart(once: float, epoch: float) -> None:
    """Whichever takes longer; a fit is one call that does both."""
    passed = [0.0]

    def fit(epochs: int) -> None:
        passed[0] += once + epochs * epoch

    effort = Effort(samples=3, minimum_seconds=0.01)
    seen = time_fits(fit, 5, effort, clock=lambda: passed[0])
    assert seen.seconds == pytest.approx(epoch / 5, rel=1e-6)
    assert seen.prepare_seconds == pytest.approx(once, rel=1e-6, abs=1e-9)


def test_fits_of_one_epoch_that_had_to_wait_are_timed_again() -> None:
    """Beside busy processes they may take longer than the fits of more epochs after them."""
    passed, is_busy = [0.0], [True]

    def fit(epochs: int) -> None:
        passed[0] += 0.01 * epochs + (9.0 * epochs**2 if is_busy[0] else 0.0)
        is_busy[0] = is_busy[0] and epochs == 1

    seen = time_fits(fit, 5, Effort(samples=3, minimum_seconds=0.01), clock=lambda: passed[0])
    assert seen.seconds == pytest.approx(0.01 / 5, rel=1e-6)


def problem_of(loss: Loss, targets: Any) -> Problem:
    inputs = np.random.default_rng(1).standard_normal((len(targets), 4))
    outputs = int(targets.max()) + 1 if loss == "cross-entropy" else targets.shape[1]
    return Problem(
        name="estimator",
        family="estimator",
        size=len(targets),
        dataset=given(inputs, targets),
        layers=(Layer(outputs, "identity" if loss != "bce" else "sigmoid"),),
        loss=loss,
        optimizer=Sgd(rate=0.1),
        start=FanInStart(),
        batch=8,
    )


LABELS = (np.arange(24.0) % 3).reshape(-1, 1)


@pytest.mark.parametrize(
    ("kind", "loss", "targets", "ends"),
    [
        ("MLPClassifier", "cross-entropy", LABELS, (3, "softmax")),
        ("MLPClassifier", "bce", np.minimum(LABELS, 1), (1, "logistic")),
        ("MLPClassifier", "bce", np.eye(3)[LABELS[:, 0].astype(int)], (3, "logistic")),
        ("MLPRegressor", "mse", LABELS, (1, "identity")),
        ("MLPRegressor", "mse", np.eye(3)[LABELS[:, 0].astype(int)], (3, "identity")),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.filterwarnings("ignore")
def test_estimator_fit_runs_all_epochs(
    kind: str, loss: Loss, targets: Any, ends: tuple[int, str], dtype: str
) -> None:
    """Though its loss would have ended it."""
    made = getattr(pytest.importorskip("sklearn.neural_network"), kind)
    parameters = {"hidden_layer_sizes": [5], "tol": 1e9, "batch_size": 8}
    fitted: Any = fit_of(made, parameters, problem_of(loss, targets), dtype)(40)
    assert (fitted.n_outputs_, fitted.out_activation_) == ends
    assert (fitted.n_iter_, fitted.t_) == (40, 40 * 24)
    assert fitted.coefs_[0].dtype == dtype
    assert [coef.shape for coef in fitted.coefs_] == [(4, 5), (5, ends[0])]
    with pytest.raises(ValueError, match="solver"):
        fit_of(made, {"solver": "no"}, catalogue.find("or-gate"), dtype)(1)
