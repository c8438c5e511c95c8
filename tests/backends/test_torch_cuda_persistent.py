"""The training that is one kernel, run by Triton's interpreter on the CPU."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from perceptron import optional, rehearsal
from perceptron.backends import torch_cuda_persistent
from perceptron.backends.contract import checks
from perceptron.backends.numpy_backend import BACKEND as NUMPY
from perceptron.backends.protocol import Unsupported
from perceptron.backends.shared.compilers import INTERPRET
from perceptron.backends.torch_cuda_persistent import BACKEND
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from tests.backends.conftest import PROMISES, broken_promises

for extra in ("torch", "triton"):
    if reason := optional.missing(extra):
        pytest.skip(reason, allow_module_level=True)


@pytest.fixture(autouse=True)
def _rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rehearsal.VARIABLE, "1")


# One layer, as the OR gate has, which `test_rehearsal` trains on every device: the interpreter
# would take ten seconds to find out again.
ALIKE = ("or-gate", "symptoms", "xor", "perceptron-rows:16")
PROBLEMS = [problem for problem in checks.problems() if problem.name not in ALIKE]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_the_kernel_keeps_every_promise(problem: Problem) -> None:
    """The contract of all backends, on what fits into a block."""
    assert broken_promises(BACKEND, problem, "float32", PROMISES) == []


@pytest.mark.parametrize("name", ["or-gate", "symptoms", "xor", "xor-hidden", "mlp-map:16x32"])
def test_the_targets_of_the_ladder_are_trained(name: str) -> None:
    """Golden values, of float64 NumPy: none of these may become too large without notice."""
    problem = catalogue.find(name)
    golden = NUMPY.prepare(problem, "float64")
    trainer = BACKEND.prepare(problem, "float32")
    golden.train(50)
    trainer.train(50)
    for array, expected in zip(trainer.parameters(), golden.parameters(), strict=True):
        np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-5)


def test_a_long_training_is_several_launches(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of which keeps a GPU from its screen for long; no iteration is lost between them."""
    monkeypatch.setattr(torch_cuda_persistent, "ITERATIONS_IN_A_LAUNCH", 4)
    trainer = BACKEND.prepare(catalogue.find("or-gate"), "float32")
    launches = []
    launch = trainer._kernel.launch

    def counted(*arguments: Any) -> None:
        launches.append(arguments[3])
        launch(*arguments)

    monkeypatch.setattr(trainer._kernel, "launch", counted)
    trainer.train(10)
    assert launches == [4, 4, 2]
    trainer.train(0)
    assert launches == [4, 4, 2]


def test_what_a_small_gpu_cannot_hold_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton sees that when it has compiled the kernel: shared memory differs between GPUs."""
    kernel = torch_cuda_persistent.kernel()

    def launch(*arguments: Any) -> None:
        raise kernel.OutOfResources(70_000, 65_536, "shared memory")

    monkeypatch.setattr(kernel, "launch", launch)
    with pytest.raises(Unsupported, match=r"does not fit into one block of this GPU: .*70000"):
        BACKEND.prepare(catalogue.find("or-gate"), "float32")


def test_a_rehearsal_interprets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its workers are told before they import Triton; on a GPU nobody is."""
    monkeypatch.delenv(INTERPRET, raising=False)
    assert BACKEND.environment(1)[INTERPRET] == "1"
    torch_cuda_persistent.kernel()
    assert os.environ[INTERPRET] == "1"
    monkeypatch.delenv(rehearsal.VARIABLE)
    monkeypatch.delenv(INTERPRET)
    assert INTERPRET not in BACKEND.environment(1)
    torch_cuda_persistent.kernel()
    assert INTERPRET not in os.environ
