"""Training in one block of a GPU: what fits; the kernel interpreted, and compiled for GPUs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perceptron import optional
from perceptron.backends import torch_cuda_persistent
from perceptron.backends.accelerators.protocol import PLACES
from perceptron.backends.contract.problems import problems
from perceptron.backends.protocol import Unsupported
from perceptron.backends.shared.compilers import INTERPRET
from perceptron.backends.torch_cuda_persistent import BACKEND, PersistentTrainer
from perceptron.problems import catalogue
from perceptron.problems.problem import Activation, Loss, Problem
from tests.backends.conftest import assert_as_numpy, broken_promises, network
from tests.conftest import ROOT
from tests.stand_in import use_stand_ins

for extra in ("torch", "triton"):
    if reason := optional.missing(extra):
        pytest.skip(reason, allow_module_level=True)


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    use_stand_ins(monkeypatch)


# One layer, as the OR gate has, which `test_stand_ins` trains on every device: the interpreter
# would take ten seconds to find out again.
ALIKE = ("or-gate", "symptoms", "xor", "perceptron-rows:16")


@pytest.mark.slow
@pytest.mark.parametrize(
    "problem",
    [problem for problem in problems() if problem.name not in ALIKE],
    ids=lambda problem: problem.name,
)
def test_persistent_kernel_keeps_contract(problem: Problem) -> None:
    """The contract of all backends, on what fits into a block."""
    assert broken_promises(BACKEND, problem, "float32") == []


def test_persistent_kernel_splits_long_training(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_persistent_kernel_too_large_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton sees that when it has compiled the kernel: shared memory differs between GPUs."""
    kernel = torch_cuda_persistent.kernel()

    def launch(*arguments: Any) -> None:
        raise kernel.OutOfResources(70_000, 65_536, "shared memory")

    monkeypatch.setattr(kernel, "launch", launch)
    with pytest.raises(Unsupported, match=r"does not fit into one block of this GPU: .*70000"):
        BACKEND.prepare(catalogue.find("or-gate"), "float32")


def test_persistent_kernel_interprets_on_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its workers are told before they import Triton; on a GPU nobody is."""
    monkeypatch.delenv(INTERPRET, raising=False)
    assert BACKEND.environment(1)[INTERPRET] == "1"
    torch_cuda_persistent.kernel()
    assert os.environ[INTERPRET] == "1"
    monkeypatch.delitem(PLACES, "cuda")
    monkeypatch.delenv(INTERPRET)
    assert INTERPRET not in BACKEND.environment(1)
    torch_cuda_persistent.kernel()
    assert INTERPRET not in os.environ


COMPILE = """
import os
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from perceptron.backends.shared import persistent_kernel as kernel
from perceptron.backends.torch_cuda_persistent import block_of
from perceptron.problems import catalogue

assert triton.__version__ == (os.environ["EXPECTED"] or triton.__version__)
assert [one.name for one in kernel.train.params if one.do_not_specialize] == ["iterations"]
for name in ("or-gate", "mlp:9x3x5x6", "mlp:16x16x32"):
    problem = catalogue.find(name)
    block = block_of(problem)
    values = dict(
        REAL=block.real,
        PADDED=block.padded,
        ACTIVATIONS=tuple(layer.activation for layer in problem.layers),
        LOSS="l1" if problem.loss.startswith("l1") else problem.loss,
    )
    types = dict(parameters="*fp32", inputs="*fp32", targets="*fp32", iterations="i32", rate="fp32")
    source = ASTSource(kernel.train, types | dict.fromkeys(values, "constexpr"), values)
    options = {"num_warps": block.warps, "enable_fp_fusion": True}
    for capability in (75, 90):
        program = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
        assert program.asm["cubin"]
        assert "tf32" not in program.asm["ptx"]
        assert program.metadata.shared <= 16 * 1024
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", [None, "3.6.0"])
def test_persistent_kernel_compiles_without_tf32(version: str | None, tmp_path: Path) -> None:
    """With the Triton that is installed, and with that of PyTorch 2.11, which makes products of
    sums. And once for any number of iterations: Triton would compile 1 and multiples of 16 anew.
    """
    variables = {name: value for name, value in os.environ.items() if name != INTERPRET}
    variables |= {"TRITON_CACHE_DIR": str(tmp_path / "cache"), "EXPECTED": version or ""}
    if version is not None:
        site = str(tmp_path / "site")
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site)
        subprocess.run([*pip, f"triton=={version}"], check=True)
        variables["PYTHONPATH"] = site
    subprocess.run([sys.executable, "-c", COMPILE], cwd=ROOT, env=variables, check=True)


@pytest.mark.parametrize(
    ("loss", "hidden", "last"),
    [
        ("l1-sum", (), "tanh"),
        ("l1-mean", ((5, "sigmoid"),), "identity"),
        ("mse", ((5, "tanh"), (3, "relu")), "relu"),
        ("bce", (), "sigmoid"),
    ],
)
def test_persistent_kernel_trains_every_loss_and_activation(
    loss: Loss, hidden: tuple[tuple[int, Activation], ...], last: Activation
) -> None:
    """As float64 NumPy does, at every depth; the widths are such as padding changes."""
    problem = network(hidden, last, loss)
    trainer = PersistentTrainer(problem, "float32", "cpu")
    assert_as_numpy(trainer, problem, "float32", iterations=5)
