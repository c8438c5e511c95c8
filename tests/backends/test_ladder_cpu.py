"""The rungs that compute what `numpy` computes with less and less around it."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from perceptron import optional
from perceptron.backends import numba_backend
from perceptron.backends.numba_backend import BACKEND as NUMBA
from perceptron.backends.numba_backend import LayeredTrainer, WrittenOutTrainer
from perceptron.backends.numpy_backend import BACKEND as NUMPY
from perceptron.backends.numpy_inplace import BACKEND as INPLACE
from perceptron.backends.protocol import Backend, Trainer, Unsupported
from perceptron.backends.python_backend import BACKEND as PYTHON
from perceptron.backends.python_backend import MOST_OPERATIONS, MOST_PARAMETERS, loop_source
from perceptron.problems import catalogue
from perceptron.problems.cost import operations, parameter_count
from perceptron.problems.datasets import Separable
from perceptron.problems.problem import DTYPES, Activation, DType, Layer, Loss, Problem
from perceptron.problems.start import FanInStart, GivenStart

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")
RUNGS = [
    pytest.param(INPLACE, id="numpy-inplace"),
    pytest.param(PYTHON, id="python"),
    pytest.param(NUMBA, id="numba", marks=needs_numba),
]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
LOSSES: tuple[Loss, ...] = get_args(Loss)


def network(
    hidden: tuple[tuple[int, Activation], ...],
    last: Activation,
    loss: Loss,
    rows: int = 7,
    features: int = 3,
) -> Problem:
    return Problem(
        name="test",
        family="test",
        size=1,
        dataset=Separable("points", rows, features),
        layers=(*(Layer(*layer) for layer in hidden), Layer(1, last)),
        loss=loss,
        rate=0.01,
        start=FanInStart(seed=3),
    )


def assert_as_numpy(trainer: Trainer, problem: Problem, dtype: DType = "float64") -> None:
    reference = NUMPY.prepare(problem, "float64")
    reference.train(20)
    trainer.train(20)
    tolerance = 1e-10 if dtype == "float64" else 1e-5
    for found, right in zip(trainer.parameters(), reference.parameters(), strict=True):
        np.testing.assert_allclose(found, right, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("backend", RUNGS)
def test_every_activation_and_loss(backend: Backend, activation: Activation, loss: Loss) -> None:
    """Each is written anew in each rung; the families use a few of them only."""
    last: Activation = "sigmoid" if loss == "bce" else "tanh"
    problem = network(((2, activation), (2, activation)), last, loss)
    assert_as_numpy(backend.prepare(problem, "float64"), problem)
    alone = network((), "sigmoid" if loss == "bce" else activation, loss)
    assert_as_numpy(backend.prepare(alone, "float64"), alone)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_numbas_loop_over_layers(activation: Activation, loss: Loss, dtype: DType) -> None:
    """It takes small networks as well, though it is not asked to."""
    last: Activation = "sigmoid" if loss == "bce" else "tanh"
    problem = network(((2, activation), (2, activation)), last, loss)
    assert_as_numpy(LayeredTrainer(problem, dtype), problem, dtype)


@needs_numba
def test_numba_chooses_by_size() -> None:
    """Source with a variable for each parameter is for few parameters on few rows."""
    kinds = {
        name: type(NUMBA.prepare(catalogue.find(name), "float64"))
        for name in ("or-gate", "xor-hidden", "mlp-width:2", "perceptron-rows:16384")
    }
    assert kinds["or-gate"] is kinds["xor-hidden"] is WrittenOutTrainer
    assert kinds["mlp-width:2"] is kinds["perceptron-rows:16384"] is LayeredTrainer


@needs_numba
@pytest.mark.parametrize("trainer", [WrittenOutTrainer, LayeredTrainer])
def test_numba_trains_float32_in_float32(trainer: type[Trainer]) -> None:
    """A literal of 64 bits in compiled code would make the whole sum one of 64 bits."""
    built = trainer(catalogue.find("or-gate"), "float32")  # type: ignore[call-arg]
    built.train(2)
    if isinstance(built, WrittenOutTrainer):
        [signature] = built._loop.nopython_signatures  # type: ignore[attr-defined]
        assert str(signature.return_type) == "UniTuple(float32 x 3)"
    assert {array.dtype for array in built.parameters()} == {np.dtype("float32")}


@pytest.mark.parametrize("backend", RUNGS)
def test_a_saturated_sigmoid_is_0_and_no_error(backend: Backend) -> None:
    """e⁸⁰⁰ is too large for 64 bits: NumPy would warn of it and math.exp raise."""
    steep = replace(
        catalogue.find("or-gate"),
        start=GivenStart((np.full((2, 1), -800.0), np.full(1, 5.0))),
    )
    assert_as_numpy(backend.prepare(steep, "float64"), steep)


@pytest.mark.parametrize("backend", RUNGS)
def test_a_training_that_diverges_shows(backend: Backend) -> None:
    """A worker tells it by a loss that is not finite."""
    wild = replace(network(((2, "identity"),), "identity", "mse"), rate=1e3)
    trainer = backend.prepare(wild, "float64")
    with np.errstate(all="ignore"):
        trainer.train(2000)
        assert not np.isfinite(trainer.loss())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_numpy_inplace_allocates_nothing(activation: Activation, loss: Loss) -> None:
    """No array comes about in the loop, be it a copy that a product makes of its operands."""
    problem = network(((5, activation), (40, activation)), "sigmoid", loss, rows=1000)
    trainer = INPLACE.prepare(problem, "float64")
    trainer.train(1)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        trainer.train(10)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    smallest = 1000 * 8  # the output of the last layer; what is left are objects of Python
    assert peak - before < smallest


def test_numpy_inplace_keeps_its_arrays() -> None:
    """Training writes into the arrays that `prepare` made."""
    trainer = INPLACE.prepare(catalogue.find("xor-hidden"), "float32")
    places = [array.ctypes.data for array in trainer._network.parameters]
    trainer.train(5)
    trainer.reset()
    assert places == [array.ctypes.data for array in trainer._network.parameters]


def test_python_refuses_float32() -> None:
    """Rounding each step to 32 bits would time something else."""
    with pytest.raises(Unsupported, match="Python floats have 64 bits: no float32"):
        PYTHON.prepare(catalogue.find("or-gate"), "float32")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mlp-width:512", "operations an iteration, at most 750,000 are taken"),
        ("mlp:2x4096", "4,097 parameters, at most 4,096 are taken"),
    ],
)
def test_python_refuses_what_is_too_large(name: str, reason: str) -> None:
    """In one line, with the limit."""
    with pytest.raises(Unsupported, match=reason) as refused:
        PYTHON.prepare(catalogue.find(name), "float64")
    assert "\n" not in str(refused.value)


def test_python_takes_what_is_at_its_limits() -> None:
    """Python's compiler must not run out of stack over the longest sum."""
    problem = catalogue.find("mlp:20x4095")
    assert parameter_count(problem) == MOST_PARAMETERS
    assert operations(problem) < MOST_OPERATIONS
    assert_as_numpy(PYTHON.prepare(problem, "float64"), problem)


def test_the_loop_of_the_or_gate_can_be_read() -> None:
    """One line for each thing that happens."""
    source = loop_source((2, 1), ("sigmoid",), "l1-sum")
    assert "y = a0_0 * w0_0_0 + a0_1 * w0_1_0 + b0_0\n" in source
    assert "gw0_1_0 += a0_1 * d0_0\n" in source
    assert source.endswith("return (w0_0_0, w0_1_0, b0_0,)\n")


def test_numba_is_imported_by_preparing_only() -> None:
    """Listing backends must not cost its import; asked in a process that has not got it yet."""
    code = (
        "import json, sys\n"
        "from perceptron.backends.numba_backend import BACKEND\n"
        "BACKEND.unavailable(), BACKEND.environment(2)\n"
        "print(json.dumps([name for name in ('numba', 'scipy') if name in sys.modules]))\n"
    )
    root = Path(numba_backend.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


def test_numba_says_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that the console and the page show."""
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    assert NUMBA.unavailable() == 'numba is not installed: pip install "perceptron[numba]"'


@pytest.mark.parametrize("backend", [INPLACE, PYTHON, NUMBA], ids=lambda each: each.name)
def test_threads_are_set_by_the_environment(backend: Backend) -> None:
    """Each worker is told before it starts, Numba by a variable of its own."""
    variables = backend.environment(3)
    assert variables["OPENBLAS_NUM_THREADS"] == "3"
    assert (variables.get("NUMBA_NUM_THREADS") == "3") == (backend is NUMBA)
