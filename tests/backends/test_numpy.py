"""NumPy and plain Python: gradients, steps and losses as defined, arrays that stay, refusals."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from dataclasses import replace
from functools import partial
from itertools import cycle
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptron.backends import registry
from perceptron.backends.numpy_inplace import BACKEND as INPLACE
from perceptron.backends.numpy_trainer import NumpyTrainer, typed
from perceptron.backends.python_backend import BACKEND as PYTHON
from perceptron.backends.python_backend import MOST_OPERATIONS, MOST_PARAMETERS
from perceptron.backends.shared.evaluation import evaluate, loss_of
from perceptron.backends.shared.update import adam_factors, start_state, update
from perceptron.problems import catalogue
from perceptron.problems.cost import operations, parameter_count
from perceptron.problems.datasets import Array, Clusters
from perceptron.problems.optimizer import Adam, AdamW, Optimizer, Sgd
from perceptron.problems.problem import DTYPES, Activation, Loss, Problem
from tests.backends.conftest import SHORT_LAST, assert_as_numpy, network

OR_GATE = catalogue.find("or-gate")
MOMENTUM = Sgd(rate=0.05, momentum=0.9)
smooth = st.sampled_from(["sigmoid", "tanh", "identity"])


@given(
    layers=st.lists(st.tuples(st.integers(1, 5), smooth), max_size=3),
    last=smooth,
    loss=st.sampled_from(get_args(Loss)),
    outputs=st.integers(1, 4),
)
def test_gradients_are_the_slopes_of_the_loss(
    layers: list[tuple[int, Activation]], last: Activation, loss: Loss, outputs: int
) -> None:
    """One step moves each parameter by −rate · ∂loss/∂parameter, by central differences."""
    if loss == "bce":
        last = "sigmoid"  # its logarithms want outputs between 0 and 1
    rate, nudge = 1e-3, 1e-6
    problem = network(tuple(layers), last, loss, classes=outputs, optimizer=Sgd(rate=rate))
    trainer = NumpyTrainer(problem, "float64")
    before = trainer.parameters()
    trainer.train(1)
    steps = [new - old for new, old in zip(trainer.parameters(), before, strict=True)]
    trainer.reset()
    for array, step in zip(trainer._network.arrays, steps, strict=True):
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + nudge
            above = trainer.loss()
            array[index] = kept - nudge
            below = trainer.loss()
            array[index] = kept
            slope = (above - below) / (2 * nudge)
            assert step[index] == pytest.approx(-rate * slope, rel=1e-4, abs=1e-10)


def test_numpy_exact_fit_has_no_gradient() -> None:
    """sign(f − t) is 0 where |f − t| / (f − t) would be 0/0."""
    trainer = NumpyTrainer(network((), "identity", "l1-sum"), "float64")
    weights, bias = trainer._network.arrays
    trainer._whole = trainer._whole._replace(targets=trainer._inputs @ weights + bias)
    before = trainer.parameters()
    trainer.train(5)
    for old, new in zip(before, trainer.parameters(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.skipif(
    registry.reason_unavailable("torch-cpu") is not None, reason="torch is not installed"
)
@pytest.mark.parametrize(
    "optimizer",
    [
        Sgd(rate=0.1, weight_decay=0.01),
        Sgd(rate=0.1, momentum=0.9),
        Sgd(rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        Adam(rate=0.01, weight_decay=0.01),
        Adam(rate=0.02, betas=(0.8, 0.95), eps=1e-3),
        AdamW(rate=0.02, betas=(0.5, 0.9), eps=1e-2, weight_decay=0.3),
        AdamW(rate=0.02, weight_decay=0.0),
    ],
    ids=str,
)
def test_steps_are_those_of_pytorch(optimizer: Optimizer) -> None:
    """The definitions are PyTorch's: 20 steps leave the same 64-bit parameters."""
    import torch

    from perceptron.backends.torch_eager import optimizer_of

    random = np.random.default_rng(7)
    parameters = random.standard_normal(50)
    theirs = torch.nn.Parameter(torch.tensor(parameters))
    torch_optimizer = optimizer_of(optimizer, [theirs])
    state = start_state(np, optimizer, parameters)
    for step in range(1, 21):
        # From 1e-9 up: there eps is larger than the root of the second moment.
        gradients = random.standard_normal(50) * 10.0 ** random.integers(-9, 1, 50)
        theirs.grad = torch.tensor(gradients)
        torch_optimizer.step()
        factors = adam_factors(optimizer, step) if isinstance(optimizer, Adam) else None
        parameters, state = update(np, optimizer, parameters, gradients, state, factors)
    np.testing.assert_allclose(parameters, theirs.detach().numpy(), rtol=0.0, atol=1e-12)


PREDICTIONS = np.array([[0.25, 0.5], [0.75, 1.0]])


TARGETS = np.array([[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("l1-sum", 0.25 + 0.5 + 0.25 + 1.0),
        ("l1-mean", 2.0 / 4),
        ("mse", (0.0625 + 0.25 + 0.0625 + 1.0) / 4),
        # log(1 − 1) is cut off at −100
        ("bce", -(np.log(0.75) + np.log(0.5) + np.log(0.75) - 100.0) / 4),
        ("cross-entropy", np.log1p(np.exp(-0.25)) / 2 + np.log1p(np.exp(0.25)) / 2),
    ],
)
def test_losses_are_as_defined(loss: Loss, expected: float) -> None:
    """Over rows and outputs alike, but cross-entropy over rows alone."""
    assert loss_of(loss, PREDICTIONS, TARGETS) == pytest.approx(expected, rel=1e-12)


def test_accuracy_is_the_share_of_rows_whose_class_is_predicted() -> None:
    """That of the largest output, on both parts; of one output from one half up, as one reads a
    sigmoid; none of targets that are no classes."""
    digits = catalogue.find("digits")
    parts = [digits.training_part(), digits.held_out_part()]
    classes = {part.inputs.tobytes(): part.targets for part in parts if part}
    for shift, share in ((0, 1.0), (1, 0.0)):
        predict = partial(_shifted, classes, shift)
        scores = evaluate(digits, predict)
        assert scores.test is not None
        assert (scores.train.accuracy, scores.test.accuracy) == (share, share)
    scores = evaluate(OR_GATE, lambda inputs: np.array([[0.4], [0.6], [0.4], [0.9]]))
    assert (scores.train.accuracy, scores.test) == (0.75, None)
    quantities = replace(OR_GATE.dataset, rows=2, values=((0.0, 0.0, 0.3), (1.0, 1.0, 0.7)))
    problem = replace(network((), "identity", "mse"), dataset=quantities)
    assert evaluate(problem, lambda inputs: np.zeros((2, 1))).train.accuracy is None


def _shifted(classes: dict[bytes, Array], shift: int, inputs: Array) -> Array:
    return np.roll(classes[inputs.tobytes()], shift, axis=1)


def allocated(problem: Problem) -> int:
    """Return the most bytes that ten iterations in place take beyond what is there."""
    trainer = INPLACE.prepare(problem, "float64")
    trainer.train(4)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        trainer.train(10)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before


@pytest.mark.parametrize(
    ("activation", "loss"), list(zip(cycle(get_args(Activation)), get_args(Loss), strict=False))
)
def test_training_in_place_allocates_nothing(activation: Activation, loss: Loss) -> None:
    """No array is made in the loop, not even a copy that a product makes of its operands."""
    problem = network(((5, activation), (40, activation)), "sigmoid", loss, rows=1000)
    smallest = 1000 * 8  # the output of the last layer; the rest are objects of Python
    assert allocated(problem) < smallest


def test_numpy_batches_reuse_arrays() -> None:
    """Neither gathering, nor a step of Adam, nor the shorter last batch makes an array."""
    problem = replace(SHORT_LAST, dataset=Clusters("clusters", 1797, 64, classes=3), batch=1000)
    assert allocated(problem) < 1000 * 3 * 8  # the targets of a batch


def test_python_backend_trains_largest_problem() -> None:
    """Python's compiler must not run out of stack over the longest sum."""
    problem = catalogue.find("mlp:20x4095")
    assert parameter_count(problem) == MOST_PARAMETERS
    assert operations(problem) < MOST_OPERATIONS
    assert_as_numpy(PYTHON.prepare(problem, "float64"), problem)


def test_trainings_on_the_same_data_hold_one_copy() -> None:
    """Those of the models of a problem, in each dtype; of other targets there is another."""
    problem = catalogue.find("many-or-gates:4")
    for dtype in DTYPES:
        first, second = (typed(problem.single(index), dtype) for index in (0, 3))
        assert first.inputs is second.inputs
        assert first.targets is second.targets
        assert first.inputs.dtype == dtype
        assert first.inputs is not problem.training_part().inputs
    of_losses = [typed(replace(problem, loss=loss), "float32") for loss in ("mse", "bce")]
    assert of_losses[0].targets is not of_losses[1].targets


def test_numpy_typed_data_are_released() -> None:
    """Large data must not outlive their trainer."""
    problem = catalogue.find("or-gate")
    held = weakref.ref(typed(problem, np.float16).inputs)
    gc.collect(0)  # as soon as that
    assert held() is None
