"""What the tests of the backends share. They run in one process; in use each has a worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from perceptron.backends import registry
from perceptron.backends.contract import checks
from perceptron.backends.contract.problems import problems
from perceptron.backends.numpy_backend import BACKEND as NUMPY
from perceptron.backends.protocol import Backend, Trainer, Unsupported
from perceptron.backends.shared.kernels import capturable_anywhere
from perceptron.problems.batches import Last
from perceptron.problems.datasets import Clusters, Dataset, Separable
from perceptron.problems.optimizer import Optimizer, Sgd
from perceptron.problems.problem import Activation, DType, Layer, Loss, Problem
from perceptron.problems.start import FanInStart


def marks(name: str) -> list[pytest.MarkDecorator]:
    """Return the marks of a test of this backend: a GPU's, and a skip where it cannot run."""
    reason = registry.reason_unavailable(name)
    gpu = [pytest.mark.gpu] if registry.load(name).device != "cpu" else []
    return gpu + ([pytest.mark.skip(reason=f"{name}: {reason}")] if reason else [])


def needs(name: str) -> None:
    """Skip the test, or the module that is imported, where this backend cannot run."""
    if reason := registry.reason_unavailable(name):
        pytest.skip(f"{name}: {reason}", allow_module_level=True)


def trains_models_only(name: str) -> bool:
    """Return whether a backend with one model is another backend, or NumPy's trainer elsewhere."""
    return name.endswith("-sequential") or name == "processes"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """NumPy's pool and SciPy's, which Numba uses, wait for each other where both are at work."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """Problems this small gain nothing from a second, and wait for it where a core is busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def capturable_on_a_cpu() -> Iterator[None]:
    """PyTorch asks for a device that captures, though the arithmetic is that of any."""
    with capturable_anywhere():
        yield


@pytest.fixture
def traced_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `torch_compiled` traces is run as it is: compiling it takes seconds a problem."""
    from perceptron.backends import torch_compiled

    @cache
    def trace(
        model: torch_compiled.Model, steps: int, rows: int, batch: int | None, *_: object
    ) -> torch_compiled.Graph:
        return partial(torch_compiled.train_steps, model, steps, batch)

    monkeypatch.setattr(torch_compiled, "compiled", trace)


PROBLEMS = {problem.name: problem for problem in problems()}
_PLAIN = Sgd(rate=0.01)
# That mistakes would be noticed is a promise of problems more than of backends.
PROMISES = tuple(name for name in checks.CHECKS if name != checks.NOTICED)
# Together every kind of thing: all rows, hidden layers, batches with a short last one by Adam and
# by momentum, several models and their folds. All others are tried by `make test-long`.
SHORT = (
    *("or-gate", "mlp-depth:2", "batches-momentum", "batches-adam"),
    *("many-momentum", "folds-adam"),
)
# Problems that together are offered every mistake: how a gradient that is wrong trains is less a
# matter of who computed it.
MISTAKEN = (
    *("or-gate", "mlp-depth:2", "batches-momentum", "batches-nesterov", "batches-adam"),
    *("batches-adamw", "several-mse", "large-values", "many-or-gates:4", "many-momentum"),
    "folds-adam",
)


def network(
    hidden: tuple[tuple[int, Activation], ...],
    last: Activation,
    loss: Loss,
    rows: int = 7,
    features: int = 3,
    classes: int = 1,
    optimizer: Optimizer = _PLAIN,
    batch: int | None = None,
    keep: Last = "keep",
) -> Problem:
    """Return a small problem; under cross-entropy it has classes and a last layer that fits."""
    if loss == "cross-entropy":
        classes, last = max(classes, 3), "identity"
    dataset: Dataset = Separable("points", rows, features)
    if classes > 1:
        dataset = Clusters("clouds", rows, features, classes=classes)
    return Problem(
        name="test",
        family="test",
        size=1,
        dataset=dataset,
        layers=(*(Layer(*layer) for layer in hidden), Layer(classes, last)),
        loss=loss,
        optimizer=optimizer,
        start=FanInStart(seed=3),
        batch=batch,
        last=keep,
    )


def assert_as_numpy(
    trainer: Trainer,
    problem: Problem,
    dtype: DType = "float64",
    iterations: int = 20,
    tolerance: tuple[float, float] | None = None,
) -> None:
    """Both train from the start and end at the same parameters, losses and accuracies.

    ``tolerance`` is relative and absolute.
    """
    reference = NUMPY.prepare(problem, "float64")
    reference.train(iterations)
    trainer.train(iterations)
    relative, absolute = tolerance or ((1e-10, 1e-12) if dtype == "float64" else (1e-5, 1e-5))
    for actual, expected in zip(trainer.parameters(), reference.parameters(), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=relative, atol=absolute)
    ours, theirs = trainer.evaluate(), reference.evaluate()
    assert (ours.test is None) == (theirs.test is None)
    for part, other in ((ours.train, theirs.train), (ours.test, theirs.test)):
        if part and other:
            assert part.loss == pytest.approx(other.loss, rel=max(relative / 10, 1e-11))
            assert part.accuracy == other.accuracy


SHORT_LAST = replace(PROBLEMS["batches-adam"], feed="resident")
"""Batches of 16 rows, of which each epoch's fifth has 6."""
MANY = replace(SHORT_LAST, name="many", models=3)
ONE_LAYER, FOLDS = PROBLEMS["many-perceptrons"], PROBLEMS["folds-adam"]
FEW_PARAMETERS = replace(ONE_LAYER, folds=True, optimizer=Sgd(rate=0.2, momentum=0.9))
"""Few enough for compiled code to have a variable for each."""

OVER_EPOCHS = (1e-6, 1e-9)
"""The tolerance of many steps by Adam, which divides by small numbers."""


def broken_promises(
    backend: Backend,
    problem: Problem,
    dtype: DType,
    promises: Sequence[str] = PROMISES,
) -> list[str]:
    """Check these promises of the contract; skip a problem that the backend does not train."""
    try:
        backend.prepare(problem, dtype)
    except Unsupported as reason:
        pytest.skip(f"{backend.name}: {reason}")
    broken = []
    for promise in promises:
        try:
            checks.CHECKS[promise](backend, problem, dtype)
        except checks.Broken as error:
            broken.append(f"{promise}: {error}")
    return broken
