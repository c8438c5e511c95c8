from __future__ import annotations

import pytest

from perceptron.backends.protocol import Unsupported
from perceptron.backends.python_backend import (
    BACKEND,
    MOST_OPERATIONS,
    MOST_PARAMETERS,
)
from perceptron.backends.shared.loop_source import LoopForm, loop_source
from perceptron.problems import catalogue
from perceptron.problems.cost import operations, parameter_count
from tests.backends.conftest import assert_as_numpy


def test_float32_is_refused() -> None:
    """Rounding each step to 32 bits would time something else."""
    with pytest.raises(Unsupported, match="Python floats have 64 bits: no float32"):
        BACKEND.prepare(catalogue.find("or-gate"), "float32")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mlp-width:512", "operations an iteration, at most 750,000 are taken"),
        ("mlp:2x4096", "4,097 parameters, at most 4,096 are taken"),
    ],
)
def test_a_problem_that_is_too_large_is_refused(name: str, reason: str) -> None:
    """In one line, with the limit."""
    with pytest.raises(Unsupported, match=reason) as refused:
        BACKEND.prepare(catalogue.find(name), "float64")
    assert "\n" not in str(refused.value)


def test_a_problem_at_the_limits_is_trained() -> None:
    """Python's compiler must not run out of stack over the longest sum."""
    problem = catalogue.find("mlp:20x4095")
    assert parameter_count(problem) == MOST_PARAMETERS
    assert operations(problem) < MOST_OPERATIONS
    assert_as_numpy(BACKEND.prepare(problem, "float64"), problem)


def test_adam_is_refused_in_one_line() -> None:
    """It takes sgd, whatever the batch."""
    with pytest.raises(Unsupported, match=r"^trains by sgd only, not by adam$"):
        BACKEND.prepare(catalogue.find("mlp-batch:1"), "float64")


def test_the_loop_of_the_or_gate_can_be_read() -> None:
    """One line for each operation."""
    source = loop_source(LoopForm((2, 1), ("sigmoid",), "l1-sum"))
    assert "y = a0_0 * w0_0_0 + a0_1 * w0_1_0 + b0_0\n" in source
    assert "gw0_1_0 += a0_1 * d0_0\n" in source
    assert source.endswith("return (w0_0_0, w0_1_0, b0_0,)\n")
