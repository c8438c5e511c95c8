"""PyTorch of one model: eager, by hand, loaded and compiled, in what the contract does not say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from perceptron.backends import registry, torch_bmm, torch_compiled, torch_manual
from perceptron.backends.protocol import Unsupported
from perceptron.backends.shared import compiled_graph
from perceptron.backends.shared.torch_capture import refusing
from perceptron.backends.torch_compiled import BACKEND, CUDA_BACKEND
from perceptron.problems import catalogue
from perceptron.problems.batches import Batches
from perceptron.problems.optimizer import AdamW, Optimizer
from tests.backends.batched import (
    CYCLE,
    OPTIMIZERS,
    SHORT_LAST,
    assert_agrees,
    assert_trains_as_numpy,
)
from tests.backends.conftest import assert_as_numpy

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch
from torch.utils.data import TensorDataset

from perceptron.backends.torch_dataloader import CPU as LOADER
from perceptron.backends.torch_dataloader import CUDA as CUDA_LOADER
from perceptron.backends.torch_dataloader import Loaded

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def test_a_problem_without_batches_is_refused() -> None:
    """Before anything is made, in one line, by what trains and by what counts kernels."""
    problem = catalogue.find("or-gate")
    for refused in (LOADER.prepare, LOADER.kernels, CUDA_LOADER.kernels):
        with pytest.raises(Unsupported, match=r"^loads batches, and this problem takes all rows"):
            refused(problem, "float32")


@pytest.mark.parametrize("last", ["keep", "drop"])
def test_a_loader_gives_the_batches_of_the_problem(last: str) -> None:
    batches = Batches(rows=23, size=5, last="keep" if last == "keep" else "drop")
    rows = torch.arange(23)
    loaded = Loaded(TensorDataset(rows * 10, rows), batches, torch.device("cpu"), pin_memory=False)
    for iteration, (begin, end) in enumerate(batches.spans(0, 3 * batches.per_epoch)):
        inputs, targets = loaded(begin, end)
        assert targets.tolist() == batches.indices(iteration).tolist()
        assert inputs.tolist() == (targets * 10).tolist()


needs_compiler = pytest.mark.skipif(
    BACKEND.unavailable() is not None, reason=f"{BACKEND.name}: {BACKEND.unavailable()}"
)


@needs_compiler
def test_any_number_of_iterations_is_trained() -> None:
    """So are those left over by a whole number of graphs, no more and no fewer."""
    problem = catalogue.find("or-gate")
    trainer = BACKEND.prepare(problem, "float64")
    assert_as_numpy(trainer, problem, iterations=37, tolerance=1e-13)


def test_a_graph_on_a_gpu_takes_no_batches_from_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gathers them itself; elsewhere they would be timed as if they had been copied."""
    monkeypatch.setenv("PERCEPTRON_REHEARSAL", "1")
    with pytest.raises(Unsupported, match='feed = "host": a compiled graph gathers batches'):
        CUDA_BACKEND.prepare(catalogue.find("mlp-batch-host:64"), "float32")


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("on_disk", [False, True])
def test_it_says_whether_it_found_what_was_compiled(
    on_disk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On disk, or in the process, where a problem had these shapes before."""
    monkeypatch.setattr(torch_compiled, "inductor_wrote", lambda since: not on_disk)
    compiled_graph.compiled.cache_clear()
    BACKEND.prepare(catalogue.find("or-gate"), "float64")
    assert BACKEND.prepared_from_cache() == on_disk
    BACKEND.prepare(catalogue.find("xor"), "float64")
    assert BACKEND.prepared_from_cache()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.kind)
@pytest.mark.usefixtures("traced_not_compiled")
def test_every_optimizer_agrees_over_a_short_last_batch(optimizer: Optimizer) -> None:
    problem = replace(SHORT_LAST, optimizer=optimizer)
    trainer = torch_compiled.CompiledTrainer(problem, "float32")
    assert_agrees(trainer, problem, "float32")


@pytest.mark.slow
@needs_compiler
def test_graphs_and_single_steps_are_one_training() -> None:
    """Batches come in their order over the whole cycle, and one goes on with the other's state."""
    problem = replace(SHORT_LAST, optimizer=AdamW(rate=0.01))
    assert_trains_as_numpy(BACKEND.prepare(problem, "float64"), problem, CYCLE + 21)


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        *(("or-gate", 10), ("xor-hidden", 5), ("mlp-width:512", 1), ("mlp-depth:64", 1)),
        *(("mlp-batch:1", 5), ("digits", 1), ("short-last", 2)),
    ],
)
def test_a_graph_holds_few_steps_and_none_that_follow_at_another_length(
    name: str, steps: int
) -> None:
    """Unrolling pays where a step is short, and costs compilation where it is long."""
    problem = SHORT_LAST if name == SHORT_LAST.name else catalogue.find(name)
    assert torch_compiled.unrolled(problem) == steps


@pytest.mark.parametrize("kind", [torch_manual.ManualTrainer, torch_bmm.BmmTrainer])
def test_products_by_hand_are_in_full_precision(kind: Any) -> None:
    torch.set_float32_matmul_precision("high")
    kind(SHORT_LAST, "float32", "cpu")
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("name", ["or-gate", "digits"])
def test_what_is_traced_lies_on_the_device_of_its_data(name: str) -> None:
    """A number left on the host would be read there by every step."""
    problem = catalogue.find(name)
    trainer = torch_manual.ManualTrainer(problem, "float32", "meta")
    model = compiled_graph.Model(
        problem.widths, trainer._network.activations, problem.loss, problem.optimizer
    )
    steps, batch = 2, problem.batch
    rows = trainer.data.orders[: steps * (batch or 0)]
    factors = trainer._start.new_ones((steps, 2))
    arrays = (trainer._network.parameters, *trainer._state)
    with refusing("meta"):
        compiled_graph.train_steps(
            model, steps, batch, trainer.data.inputs, trainer.data.targets, rows, factors, *arrays
        )
