"""Problems of batches, small enough to train in a moment."""

from __future__ import annotations

from dataclasses import replace

from perceptron.problems.datasets import Clusters
from perceptron.problems.held_out import hold_out
from perceptron.problems.optimizer import Adam, AdamW, Sgd
from perceptron.problems.problem import Layer, Problem
from perceptron.problems.start import FanInStart

OPTIMIZERS = (
    Sgd(rate=0.1),
    Sgd(rate=0.1, weight_decay=0.01),
    Sgd(rate=0.1, momentum=0.9),
    Sgd(rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    Adam(rate=0.01),
    Adam(rate=0.01, weight_decay=0.01),
    AdamW(rate=0.01),
)

SHORT_LAST = Problem(
    name="short-last",
    family="short-last",
    size=1,
    dataset=hold_out(Clusters("clusters", 150, 12, classes=4), 0.2),
    layers=(Layer(9, "tanh"), Layer(4, "identity")),
    loss="cross-entropy",
    optimizer=Adam(rate=0.01),
    start=FanInStart(seed=3),
    batch=36,
)
"""Four classes in batches of 36, 36, 36 and 12 rows; a fifth of the data is held out."""

EVEN = replace(SHORT_LAST, name="even", last="drop", optimizer=Sgd(rate=0.1, momentum=0.9))
"""The same without the short batch."""

MANY = replace(SHORT_LAST, name="many", models=3)
"""Three models of it at once."""

ONE_LAYER = replace(MANY, name="one layer", layers=(Layer(4, "identity"),))
"""Three classifiers of several outputs without a hidden layer."""

FEW_PARAMETERS = replace(
    ONE_LAYER,
    dataset=Clusters("clusters", 50, 6, classes=3),
    layers=(Layer(3, "identity"),),
    folds=True,
    batch=12,
    optimizer=Sgd(rate=0.2, momentum=0.9),
)
"""Few enough for compiled code to have a variable for each; folds in batches of 12 rows."""

FOLDS = replace(MANY, name="folds", folds=True)
"""Three models, each without its fold: 80 rows in batches of 36, 36 and 8."""

CYCLE = 64 * 4
"""Iterations after which the batches of `SHORT_LAST` begin again."""
