"""The operations that an iteration dispatches, and the launches that a GPU makes of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from perceptron.backends import (
    torch_cuda_graph,
    torch_dataloader,
    torch_eager,
    torch_functional,
    torch_manual,
)
from perceptron.backends.shared.kernels import Kernel
from perceptron.problems import catalogue
from tests.backends.conftest import needs

needs("torch-cpu")

# The widths of mlp-batch are 64, 128 and 10.
PARAMETERS = (64 * 128, 128, 128 * 10, 10)
BOTH = (torch_eager.CUDA, torch_cuda_graph.BACKEND)
EAGER = (torch_eager.CPU, torch_eager.CUDA, torch_dataloader.CPU, torch_dataloader.CUDA)


def kernels(backend: Any, problem: str = "mlp-batch:64") -> list[Kernel]:
    traced: list[Kernel] = backend.kernels(catalogue.find(problem), "float32")
    return traced


def named(backend: Any, *words: str) -> list[Kernel]:
    prefixes = tuple(f"aten.{word}" for word in words)
    return [kernel for kernel in kernels(backend) if kernel.name.startswith(prefixes)]


@pytest.mark.parametrize(
    "backend", [torch_eager.CPU, torch_eager.CUDA, torch_functional.BACKEND, torch_manual.BACKEND]
)
def test_kernels_gather_counts_rows_taken(backend: Any) -> None:
    """Not all 16,384 of them: 64 rows of 64 float32 in and out, and their indices."""
    inputs, _ = named(backend, "index_select")
    assert inputs.bytes_moved == 2 * 64 * 64 * 4 + 64 * 8


@pytest.mark.parametrize("backend", EAGER, ids=lambda backend: backend.name)
def test_adam_takes_parameter_by_parameter_on_a_cpu_and_all_at_once_on_a_gpu(
    backend: torch_eager.TorchBackend,
) -> None:
    """Either way each is read and written once by ``addcdiv``, with two arrays beside it."""
    last = named(backend, "addcdiv_", "_foreach_addcdiv_")
    sizes = PARAMETERS if backend.device == "cpu" else (sum(PARAMETERS),)
    assert [kernel.operations for kernel in last] == list(sizes)
    assert [kernel.bytes_moved for kernel in last] == [4 * size * 4 for size in sizes]


@pytest.mark.parametrize("backend", [torch_eager.CPU_FUSED, torch_eager.CUDA_FUSED])
def test_kernels_fused_optimizer_is_one_kernel(backend: torch_eager.TorchBackend) -> None:
    """It reads and writes parameters and two averages of each, and reads gradients and counts."""
    (step,) = named(backend, "_fused_adam_")
    assert step.bytes_moved >= 7 * 4 * sum(PARAMETERS)
    assert not named(backend, "addcdiv_", "_foreach_addcdiv_", "sqrt", "_foreach_sqrt")


@pytest.mark.parametrize(
    ("backend", "count"),
    [(torch_eager.CPU, 13), (torch_eager.CUDA, 12), (torch_functional.BACKEND, 13)],
)
def test_kernels_of_or_gate_iteration(backend: Any, count: int) -> None:
    """Thirteen kernels; on a GPU one for both parameters. What the profiler notes is none."""
    names = [kernel.name for kernel in kernels(backend, "or-gate")]
    assert len(names) == count
    assert not [name for name in names if not name.startswith("aten.")]


def test_kernels_recorded_adam_launches_more() -> None:
    """What the host computes from the number of the step, the device must: with powers, and a
    division by numbers of each parameter. What is counted changes PyTorch for no one else."""
    eager, graph = (len(backend.kernels(catalogue.find("digits"), "float32")) for backend in BOTH)
    assert (eager, graph) == (23, 39)
    plain = [len(backend.kernels(catalogue.find("or-gate"), "float32")) for backend in BOTH]
    assert plain == [12, 12]
    assert "meta" not in import_module("torch.optim.adam")._get_capturable_supported_devices()
