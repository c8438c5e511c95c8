from __future__ import annotations

from importlib.util import find_spec
from typing import get_args

import numpy as np
import pytest

from perceptron import optional
from perceptron.backends.numba_backend import BACKEND, LayeredTrainer, WrittenOutTrainer
from perceptron.backends.numpy_inplace import BACKEND as INPLACE
from perceptron.backends.protocol import Trainer
from perceptron.backends.python_backend import BACKEND as PYTHON
from perceptron.problems import catalogue
from perceptron.problems.problem import DTYPES, Activation, DType, Loss
from tests.backends.conftest import assert_as_numpy, network

needs_numba = pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", get_args(Loss))
@pytest.mark.parametrize("activation", get_args(Activation))
def test_the_loop_over_layers_trains_small_networks_too(
    activation: Activation, loss: Loss, dtype: DType
) -> None:
    """`prepare` never chooses it for them."""
    last: Activation = "sigmoid" if loss == "bce" else "tanh"
    problem = network(((2, activation), (2, activation)), last, loss)
    assert_as_numpy(LayeredTrainer(problem, dtype), problem, dtype)


@needs_numba
def test_the_trainer_depends_on_the_size() -> None:
    """Source with a variable for each parameter is for few parameters on few rows."""
    kinds = {
        name: type(BACKEND.prepare(catalogue.find(name), "float64"))
        for name in ("or-gate", "xor-hidden", "mlp-width:2", "perceptron-rows:16384")
    }
    assert kinds["or-gate"] is kinds["xor-hidden"] is WrittenOutTrainer
    assert kinds["mlp-width:2"] is kinds["perceptron-rows:16384"] is LayeredTrainer


@needs_numba
@pytest.mark.parametrize("trainer", [WrittenOutTrainer, LayeredTrainer])
def test_float32_is_trained_in_float32(trainer: type[Trainer]) -> None:
    """A literal of 64 bits in compiled code would make the whole sum one of 64 bits."""
    built = trainer(catalogue.find("or-gate"), "float32")  # type: ignore[call-arg]
    built.train(2)
    if isinstance(built, WrittenOutTrainer):
        [signature] = built._loop.nopython_signatures  # type: ignore[attr-defined]
        assert str(signature.return_type) == "UniTuple(float32 x 3)"
    assert {array.dtype for array in built.parameters()} == {np.dtype("float32")}


def test_a_missing_numba_is_reported_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The line that the console and the page show."""
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    assert BACKEND.unavailable() == 'numba is not installed: pip install "perceptron[numba]"'


def test_numba_has_a_thread_variable_of_its_own() -> None:
    assert BACKEND.environment(3)["NUMBA_NUM_THREADS"] == "3"
    assert "NUMBA_NUM_THREADS" not in PYTHON.environment(3)
    assert "NUMBA_NUM_THREADS" not in INPLACE.environment(3)
