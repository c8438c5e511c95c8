from __future__ import annotations

import pytest

from perceptron.backends import registry, torch_dataloader, torch_eager
from perceptron.backends.shared.kernels import Kernel
from perceptron.backends.torch_functional import FunctionalBackend
from perceptron.backends.torch_manual import ManualBackend
from perceptron.problems import catalogue

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

Counted = torch_eager.TorchBackend | FunctionalBackend | ManualBackend

# The widths of mlp-batch are 64, 128 and 10.
PARAMETERS = (64 * 128, 128, 128 * 10, 10)
EAGER = (torch_eager.CPU, torch_eager.CUDA, torch_dataloader.CPU, torch_dataloader.CUDA)


def kernels(backend: Counted, problem: str = "mlp-batch:64") -> list[Kernel]:
    return backend.kernels(catalogue.find(problem), "float32")


def named(backend: Counted, *words: str) -> list[Kernel]:
    prefixes = tuple(f"aten.{word}" for word in words)
    return [kernel for kernel in kernels(backend) if kernel.name.startswith(prefixes)]


@pytest.mark.parametrize(
    "backend", [torch_eager.CPU, torch_eager.CUDA, FunctionalBackend(), ManualBackend()]
)
def test_a_gather_reads_the_rows_that_it_takes(backend: Counted) -> None:
    """Not all 16,384 of them: 64 rows of 64 float32 in and out, and their indices."""
    inputs, _ = named(backend, "index_select")
    assert inputs.bytes_moved == 2 * 64 * 64 * 4 + 64 * 8


@pytest.mark.parametrize("backend", [torch_dataloader.CPU, torch_dataloader.CUDA])
def test_a_loader_stacks_rows_where_others_gather(backend: torch_eager.TorchBackend) -> None:
    inputs, targets = named(backend, "stack")
    assert inputs.bytes_moved == 2 * 64 * 64 * 4
    assert targets.bytes_moved == 2 * 64 * 8
    assert not named(backend, "index_select")


@pytest.mark.parametrize("backend", EAGER, ids=lambda backend: backend.name)
def test_adam_takes_parameter_by_parameter_on_a_cpu_and_all_at_once_on_a_gpu(
    backend: torch_eager.TorchBackend,
) -> None:
    """Either way each is read and written once by ``addcdiv``, with two arrays beside it."""
    last = named(backend, "addcdiv_", "_foreach_addcdiv_")
    sizes = PARAMETERS if backend.device == "cpu" else (sum(PARAMETERS),)
    assert [kernel.operations for kernel in last] == list(sizes)
    assert [kernel.bytes_moved for kernel in last] == [4 * size * 4 for size in sizes]


def test_what_a_gpu_leaves_to_the_host_is_no_kernel_of_it() -> None:
    """Adam counts its steps in host memory: additions of one number."""
    assert [kernel.operations for kernel in named(torch_eager.CPU, "add_")].count(1.0) == 4
    smallest = min(kernel.bytes_moved for kernel in named(torch_eager.CUDA, "_foreach_"))
    assert smallest >= 2 * 4 * sum(PARAMETERS)


@pytest.mark.parametrize("backend", [FunctionalBackend(), ManualBackend()])
def test_hand_written_rules_pass_over_all_parameters_at_once(backend: Counted) -> None:
    """One square root of them all, not one for each array."""
    assert [kernel.operations for kernel in named(backend, "sqrt")] == [sum(PARAMETERS)]


@pytest.mark.parametrize("backend", [*EAGER, FunctionalBackend(), ManualBackend()])
def test_batches_of_any_size_are_as_many_kernels(backend: Counted) -> None:
    """What grows is their work, and with it the bytes."""
    few, many = kernels(backend, "mlp-batch:16"), kernels(backend, "mlp-batch:1024")
    assert [kernel.name for kernel in few] == [kernel.name for kernel in many]
    assert sum(kernel.bytes_moved for kernel in few) < sum(kernel.bytes_moved for kernel in many)


def test_data_of_the_host_are_counted_for_a_gpu_that_is_not_here() -> None:
    """A copy stands as a gather: there are as many."""
    host, resident = (
        [kernel.name for kernel in kernels(torch_eager.CUDA, problem)]
        for problem in ("mlp-batch-host:64", "mlp-batch:64")
    )
    assert host == resident
