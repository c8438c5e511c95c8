"""PyTorch of one model: by hand, loaded and compiled, in what the contract does not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perceptron.backends import registry, torch_bmm, torch_compiled, torch_manual
from perceptron.backends.protocol import Unsupported
from perceptron.backends.shared import compile_cache, compiled_graph
from perceptron.backends.shared.torch_capture import refusing
from perceptron.backends.torch_compiled import BACKEND, CUDA_BACKEND
from perceptron.problems import catalogue
from tests.backends.batched import SHORT_LAST

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch

from perceptron.backends.torch_dataloader import CPU as LOADER
from perceptron.backends.torch_dataloader import CUDA as CUDA_LOADER

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def test_a_problem_without_batches_is_refused() -> None:
    """Before anything is made, in one line, by what trains and by what counts kernels."""
    problem = catalogue.find("or-gate")
    for refused in (LOADER.prepare, LOADER.kernels, CUDA_LOADER.kernels):
        with pytest.raises(Unsupported, match=r"^loads batches, and this problem takes all rows"):
            refused(problem, "float32")


def test_a_graph_on_a_gpu_takes_no_batches_from_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gathers them itself; elsewhere they would be timed as if they had been copied."""
    monkeypatch.setenv("PERCEPTRON_REHEARSAL", "1")
    with pytest.raises(Unsupported, match='feed = "host": a compiled graph gathers batches'):
        CUDA_BACKEND.prepare(catalogue.find("mlp-batch-host:64"), "float32")


@pytest.mark.slow
@pytest.mark.skipif(BACKEND.unavailable() is not None, reason=str(BACKEND.unavailable()))
def test_it_says_whether_it_found_what_was_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the process, where a problem had these shapes before, or on disk."""
    from torch._inductor import config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    # They would be compiled first, for this cache alone.
    monkeypatch.setattr(config, "cpp_cache_precompile_headers", False, raising=False)
    first = catalogue.find("mlp:5x3")
    found = []
    for problem in (first, first.with_seed(1), first):
        BACKEND.prepare(problem, "float64")
        found.append(BACKEND.prepared_from_cache())
        if len(found) == 2:
            compiled_graph.compiled.cache_clear()
    assert found == [False, True, True]


def test_a_library_that_another_process_moves_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Triton writes each under another name first: it is gone between being listed and read."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    (tmp_path / "tmp.cubin").symlink_to(tmp_path / "gone")
    assert not compile_cache.inductor_wrote(since=0.0)


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
