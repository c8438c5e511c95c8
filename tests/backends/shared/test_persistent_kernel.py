"""The kernel, interpreted; and compiled for GPUs that are not here."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest

from perceptron import optional, rehearsal
from perceptron.backends.shared import one_block
from perceptron.backends.shared.compilers import INTERPRET
from perceptron.backends.torch_cuda_persistent import PersistentTrainer
from perceptron.problems.problem import Activation, Loss
from tests.backends.conftest import assert_as_numpy, network
from tests.conftest import ROOT

for extra in ("torch", "triton"):
    if reason := optional.missing(extra):
        pytest.skip(reason, allow_module_level=True)

# Widths that padding changes.
HIDDEN: list[tuple[tuple[int, Activation], ...]] = [
    (),
    ((5, "sigmoid"),),
    ((5, "tanh"), (3, "relu")),
]

COMPILE = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from perceptron.backends.shared import persistent_kernel as kernel
from perceptron.backends.shared.one_block import block_of
from perceptron.problems import catalogue

assert [one.name for one in kernel.train.params if one.do_not_specialize] == ["iterations"]
for name in ("or-gate", "mlp:9x3x5x6", "mlp-map:16x32"):
    problem = catalogue.find(name)
    block = block_of(problem)
    values = dict(
        REAL=block.real,
        PADDED=block.padded,
        ACTIVATIONS=tuple(layer.activation for layer in problem.layers),
        LOSS="l1" if problem.loss.startswith("l1") else problem.loss,
        DOTS=block.has_dots,
    )
    types = dict(parameters="*fp32", inputs="*fp32", targets="*fp32", iterations="i32", rate="fp32")
    source = ASTSource(kernel.train, types | dict.fromkeys(values, "constexpr"), values)
    options = {"num_warps": block.warps, "enable_fp_fusion": True}
    for capability in (75, 90):
        program = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
        assert program.asm["cubin"]
        assert "tf32" not in program.asm["ptx"]
        assert program.metadata.shared <= 64 * 1024
"""


@pytest.fixture(autouse=True)
def _interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rehearsal.VARIABLE, "1")


@pytest.mark.parametrize("dots", [False, True])
@pytest.mark.parametrize("hidden", HIDDEN, ids=len)
@pytest.mark.parametrize("loss", get_args(Loss))
def test_every_loss_is_trained_at_every_depth(
    loss: Loss,
    hidden: tuple[tuple[int, Activation], ...],
    dots: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As float64 NumPy does, with products summed and as `tl.dot`."""
    if dots:
        monkeypatch.setattr(one_block, "_MOST_TERMS", 0)
    problem = network(hidden, "sigmoid", loss)
    trainer = PersistentTrainer(problem, "float32", "cpu")
    assert trainer._block.has_dots == dots
    assert_as_numpy(trainer, problem, "float32", iterations=5)


@pytest.mark.parametrize("activation", get_args(Activation))
def test_every_activation_ends_a_model(activation: Activation) -> None:
    problem = network(((3, activation),), activation, "mse")
    assert_as_numpy(PersistentTrainer(problem, "float32", "cpu"), problem, "float32", iterations=5)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_large_values_saturate_without_a_warning(activation: Activation) -> None:
    """No exponential overflows, whatever its sign."""
    problem = network((), activation, "mse")
    trainer = PersistentTrainer(problem, "float32", "cpu")
    trainer._inputs.mul_(1e6)
    before = trainer.parameters()
    trainer.train(1)
    for array, start in zip(trainer.parameters(), before, strict=True):
        assert np.isfinite(array).all()
        np.testing.assert_array_equal(array, start)  # saturated: no slope is left


def test_it_compiles_for_gpus_without_tf32_and_in_their_shared_memory() -> None:
    """And once for any number of iterations: Triton would compile 1 and multiples of 16 anew."""
    variables = {name: value for name, value in os.environ.items() if name != INTERPRET}
    del variables[rehearsal.VARIABLE]
    subprocess.run([sys.executable, "-c", COMPILE], cwd=ROOT, env=variables, check=True)
