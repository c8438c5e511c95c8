"""A scikit-learn classifier that picks its device by itself: ``device="auto"``.

It asks `perceptron.fastest` once, at the first moment that it knows how large the training is, and
trains with the backend that is named. Copy it, or what you need of it.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

import perceptron
from perceptron.backends import registry
from perceptron.problems.datasets import given
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import Layer, Problem
from perceptron.problems.start import FanInStart


class PerceptronClassifier(ClassifierMixin, BaseEstimator):
    """Hidden layers of relu and a softmax, trained by Adam on a device that it chooses.

    ``hidden`` are the widths of the hidden layers, () for none; ``batch`` the rows of a step, None
    for all. ``device`` is "auto", or a backend such as "numpy" or "torch-cuda"; ``measure`` says
    whether "auto" may measure, as in `perceptron.fastest`. Which backend it was is `backend_`.
    """

    def __init__(
        self,
        hidden=(32,),
        *,
        epochs=50,
        batch=32,
        rate=0.01,
        device="auto",
        dtype="float32",
        measure="cached",
        random_state=None,
    ):
        self.hidden = hidden
        self.epochs = epochs
        self.batch = batch
        self.rate = rate
        self.device = device
        self.dtype = dtype
        self.measure = measure
        self.random_state = random_state

    def fit(self, X, y):
        """Train on inputs (rows, features) and labels (rows,) of any type; return self."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, classes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("all rows are of one class: two or more can be told apart")
        problem = self._problem(X, classes)
        self.backend_ = self._fastest(problem) if self.device == "auto" else self.device
        trainer = registry.load(self.backend_).prepare(problem, self.dtype)
        trainer.train(self.epochs * problem.iterations_per_epoch)
        self.parameters_ = trainer.parameters()
        return self

    def predict_proba(self, X):
        """Return the probability of each class, (rows, classes), float64."""
        check_is_fitted(self)
        values = validate_data(self, X, dtype=np.float64, reset=False)
        for weights, bias in zip(self.parameters_[:-2:2], self.parameters_[1:-2:2], strict=True):
            values = np.maximum(values @ weights + bias, 0.0)
        values = values @ self.parameters_[-2] + self.parameters_[-1]
        values = np.exp(values - values.max(axis=1, keepdims=True))
        return values / values.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Return the most probable label of each row, (rows,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def _problem(self, X, classes):
        """Return the training, of inputs (rows, features) and classes (rows,) from 0 up."""
        relus = [Layer(width, "relu") for width in self.hidden]
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        names = tuple(str(label) for label in self.classes_)
        return Problem(
            name=type(self).__name__,
            family=type(self).__name__,
            size=len(X),
            dataset=given(X, classes, names),
            layers=(*relus, Layer(len(names), "identity")),
            loss="cross-entropy",
            optimizer=Adam(rate=self.rate),
            start=FanInStart(seed=seed),
            batch=None if self.batch is None else min(self.batch, len(X)),
            order_seed=seed,
        )

    def _fastest(self, problem):
        """Ask which backend trains this first; NumPy's where nobody knows."""
        advice = perceptron.fastest(
            rows=problem.dataset.rows,
            features=problem.dataset.features,
            hidden=problem.hidden,
            classes=problem.outputs,
            batch=problem.batch,
            optimizer="adam",
            epochs=self.epochs,
            dtype=self.dtype,
            measure=self.measure,
        )
        return advice.backend or "numpy"
