"""Small problems of every kind, on which mistakes show."""

from __future__ import annotations

from dataclasses import replace

from perceptron import optional
from perceptron.problems import catalogue
from perceptron.problems.batches import Last
from perceptron.problems.datasets import Clusters, Dataset, TableData
from perceptron.problems.families import FAMILIES
from perceptron.problems.held_out import hold_out
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import Activation, Feed, Layer, Loss, Problem
from perceptron.problems.start import FanInStart

# Families whose problems are too large for a check; problems below are similar but small.
_LARGE = (
    "mlp-batch",
    "mlp-batch-host",
    "mlp-width-adam",
    "batch-width",
    "many-mlps",
    "models-width",
)
_NAMED = ("or-gate", "symptoms", "xor", "xor-hidden")

_FEATURES = 5
# Ten iterations pass over five batches twice; the fifth is short, of 6 rows.
_BATCH = 16
_CLASSES = Clusters("clusters", 70, _FEATURES, classes=3, class_names=("a", "b", "c"))

_QUANTITIES = TableData(
    name="quantities",
    rows=11,
    features=2,
    values=tuple((0.3 * row - 1.5, (row * row % 7) / 3.0 - 1.0, row / 4.0) for row in range(11)),
)


def problems() -> list[Problem]:
    """Return small problems: the named ones, one of each family, and some with batches."""
    families = [family for family in FAMILIES.values() if family.name not in _LARGE]
    small = [family.problem(*family.sizes[1]) for family in families]
    named = [catalogue.find(name) for name in _NAMED]
    digits = [] if optional.missing("sklearn") else [catalogue.find("digits")]
    return [*named, *small, *_by_batches(), *_many(), *digits]


def _by_batches() -> list[Problem]:
    held_out = hold_out(Clusters("clusters", 100, _FEATURES, classes=3), 0.3)
    steep = Sgd(rate=0.2, momentum=0.9, weight_decay=0.1)
    return [
        _problem("batches-momentum", steep, dataset=held_out),
        _problem("batches-nesterov", Sgd(rate=0.2, momentum=0.9, nesterov=True), last="drop"),
        _problem("batches-adam", Adam(rate=0.01, eps=1e-3, weight_decay=0.1), feed="host"),
        _problem("batches-adamw", AdamW(rate=0.01, weight_decay=0.1), hidden="tanh"),
        _problem("batches-of-one", Adam(rate=0.01), batch=1),
        _problem("all-rows-adam", Adam(rate=0.01), batch=None),
        _problem("several-mse", Sgd(rate=0.5), ("sigmoid", "mse")),
        _problem("several-bce", Adam(rate=0.01), ("sigmoid", "bce"), feed="host"),
        _problem("several-l1", Sgd(rate=0.5, momentum=0.5), ("identity", "l1-mean")),
        _problem("quantities", Adam(rate=0.01), ("identity", "mse"), dataset=_QUANTITIES, batch=4),
        _large_values(),
    ]


def _many() -> list[Problem]:
    """Return problems of several models: with shared data, and each without its fold."""
    momentum = Sgd(rate=0.2, momentum=0.9)
    held_out = hold_out(_CLASSES, 0.3)
    one_layer = _problem("many-perceptrons", Sgd(rate=0.5))
    several = [
        _problem("many-momentum", momentum, dataset=held_out),
        _problem("many-adam", Adam(rate=0.01), hidden="tanh", last="drop", feed="host"),
        _problem("many-mse", Sgd(rate=0.5), ("sigmoid", "mse"), batch=None),
    ]
    return [
        *(replace(problem, models=3) for problem in several),
        replace(one_layer, models=5, layers=one_layer.layers[1:]),
        replace(_problem("folds-adam", Adam(rate=0.01)), models=4, folds=True),
    ]


def _problem(
    name: str,
    optimizer: Optimizer,
    end: tuple[Activation, Loss] = ("identity", "cross-entropy"),
    dataset: Dataset = _CLASSES,
    hidden: Activation = "relu",
    batch: int | None = _BATCH,
    last: Last = "keep",
    feed: Feed = "resident",
) -> Problem:
    activation, loss = end
    return Problem(
        name=name,
        family=name,
        size=dataset.rows,
        dataset=dataset,
        layers=(Layer(8, hidden), Layer(max(1, len(dataset.class_names)), activation)),
        loss=loss,
        optimizer=optimizer,
        start=FanInStart(),
        batch=batch,
        last=last,
        feed=feed,
    )


def _large_values() -> Problem:
    """Return a classifier whose outputs exceed 710, of which even float64 has no exponential."""
    problem = _problem("large-values", Sgd(rate=100.0, momentum=0.5))
    return replace(problem, layers=(Layer(3, "identity"),), start=FanInStart(gain=2000.0))
