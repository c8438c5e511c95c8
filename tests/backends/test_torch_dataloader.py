from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.protocol import Unsupported
from perceptron.problems import catalogue
from perceptron.problems.batches import Batches

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch
from torch.utils.data import TensorDataset

from perceptron.backends.torch_dataloader import CPU, CUDA, Loaded, Order


def test_a_problem_without_batches_is_refused() -> None:
    """Before anything is made, in one line, by what trains and by what counts kernels."""
    problem = catalogue.find("or-gate")
    for refused in (CPU.prepare, CPU.kernels, CUDA.kernels):
        with pytest.raises(Unsupported, match=r"^loads batches, and this problem takes all rows"):
            refused(problem, "float32")


def test_a_sampler_gives_epoch_after_epoch() -> None:
    """Each has an order of its own, from the first again after the last and when started over."""
    batches = Batches(rows=2**19, size=7)
    order = Order(batches)
    assert batches.epochs == 2
    epochs = [list(order) for _ in range(3)]
    assert epochs[0] == batches.order(0).tolist()
    assert epochs[1] == batches.order(1).tolist() != epochs[0]
    assert epochs[2] == epochs[0]
    next(iter(order))
    order.start()
    assert next(iter(order)) == epochs[0][0]


@pytest.mark.parametrize("last", ["keep", "drop"])
def test_a_loader_gives_the_batches_of_the_problem(last: str) -> None:
    batches = Batches(rows=23, size=5, last="keep" if last == "keep" else "drop")
    rows = torch.arange(23)
    loaded = Loaded(TensorDataset(rows * 10, rows), batches, torch.device("cpu"), pin_memory=False)
    for iteration, (begin, end) in enumerate(batches.spans(0, 3 * batches.per_epoch)):
        inputs, targets = loaded(begin, end)
        assert targets.tolist() == batches.indices(iteration).tolist()
        assert inputs.tolist() == (targets * 10).tolist()
