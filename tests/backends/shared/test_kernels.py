from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from perceptron.backends import registry, torch_dataloader, torch_eager
from perceptron.backends.shared import foreach
from perceptron.backends.shared.kernels import Kernel, trace
from perceptron.backends.torch_functional import FunctionalBackend
from perceptron.backends.torch_manual import ManualBackend
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Adam

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

Counted = torch_eager.TorchBackend | FunctionalBackend | ManualBackend

# The widths of mlp-batch are 64, 128 and 10.
PARAMETERS = (64 * 128, 128, 128 * 10, 10)
EAGER = (torch_eager.CPU, torch_eager.CUDA, torch_dataloader.CPU, torch_dataloader.CUDA)


@pytest.fixture(autouse=True)
def of_most_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count as for most GPUs, whatever this PyTorch is built for."""
    monkeypatch.setattr(foreach, "limits", lambda: foreach.SMALL)


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


@pytest.mark.parametrize(
    ("backend", "count"),
    [(torch_eager.CPU, 13), (torch_eager.CUDA, 12), (FunctionalBackend(), 13)],
)
def test_an_iteration_of_the_or_gate(backend: Counted, count: int) -> None:
    """Thirteen kernels; on a GPU one for both parameters. What the profiler notes is none."""
    names = [kernel.name for kernel in kernels(backend, "or-gate")]
    assert len(names) == count
    assert not [name for name in names if not name.startswith("aten.")]


def test_an_operation_of_any_namespace_is_a_kernel_if_it_takes_a_tensor() -> None:
    """One that takes and gives none is not, and it does not matter what it is called."""
    torch = pytest.importorskip("torch")

    library = torch.library.Library("perceptron_test", "FRAGMENT")
    library.define("halved(Tensor values) -> Tensor")
    library.impl("halved", torch.empty_like, "Meta")

    class Halving:
        def train(self, iterations: int) -> None:
            with torch.profiler.record_function("a step"):
                torch.ops.perceptron_test.halved(torch.empty(3, device="meta"))

    made: Any = Halving
    assert [kernel.name for kernel in trace(made)] == ["perceptron_test.halved.default"]


@pytest.mark.parametrize(("device", "count"), [("cpu", 130), ("cuda", 3)])
def test_a_gpu_takes_the_130_arrays_of_a_deep_network_in_three_launches(
    device: str, count: int
) -> None:
    """Parameters and gradients are two lists, of which one launch takes 64 tensors."""
    backend = torch_eager.CPU if device == "cpu" else torch_eager.CUDA
    updates = [
        kernel
        for kernel in kernels(backend, "mlp-depth:64")
        if kernel.name.startswith(("aten.add_", "aten._foreach_add_"))
    ]
    assert len(updates) == count
    parameters = 64 * (64 * 64 + 64) + 64 + 1
    assert sum(kernel.operations for kernel in updates) == pytest.approx(parameters)
    assert sum(kernel.bytes_moved for kernel in updates) == pytest.approx(3 * 4 * parameters)


def test_adam_of_a_deep_network_launches_by_its_lists() -> None:
    """Of one list a launch takes 110 tensors, of two 64, of three 48."""
    problem = dataclasses.replace(catalogue.find("mlp-depth:64"), optimizer=Adam(rate=0.001))
    names = [kernel.name for kernel in torch_eager.CUDA.kernels(problem, "float32")]
    assert {name: names.count(name) for name in names if "_foreach_" in name} == {
        "aten._foreach_lerp_.Scalar": 3,
        "aten._foreach_mul_.Scalar": 2,
        "aten._foreach_addcmul_.Scalar": 3,
        "aten._foreach_sqrt.default": 3,
        "aten._foreach_div_.ScalarList": 2,
        "aten._foreach_add_.Scalar": 2,
        "aten._foreach_addcdiv_.ScalarList": 3,
    }


def test_a_product_says_how_thin_it_is() -> None:
    """The last layer of mlp-batch has ten outputs; what is no product has no thinnest dimension."""
    forward = [kernel.thinnest for kernel in named(torch_eager.CUDA, "addmm")]
    assert forward == [64, 10]
    assert {kernel.thinnest for kernel in named(torch_eager.CUDA, "mm")} == {10, 64}
    others = [kernel for kernel in kernels(torch_eager.CUDA) if "mm" not in kernel.name]
    assert {kernel.thinnest for kernel in others} == {None}
