from __future__ import annotations

import pytest

from perceptron.backends import registry, torch_compiled, torch_manual
from perceptron.backends.protocol import Unsupported
from perceptron.backends.shared import compiled_graph
from perceptron.backends.shared.torch_capture import refusing
from perceptron.backends.torch_compiled import BACKEND, CUDA_BACKEND
from perceptron.problems import catalogue
from tests.backends.conftest import assert_as_numpy

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("one_torch_thread")
needs_compiler = pytest.mark.skipif(
    BACKEND.unavailable() is not None, reason=f"{BACKEND.name}: {BACKEND.unavailable()}"
)


@needs_compiler
@pytest.mark.parametrize("iterations", [1, 9, 10, 11, 37])
def test_any_number_of_iterations_is_trained(iterations: int) -> None:
    """So are those left over by a whole number of graphs, no more and no fewer."""
    problem = catalogue.find("or-gate")
    trainer = BACKEND.prepare(problem, "float64")
    assert_as_numpy(trainer, problem, iterations=iterations, tolerance=1e-13)


@pytest.mark.parametrize(
    ("name", "steps"),
    [("or-gate", 10), ("xor-hidden", 5), ("mlp-width:512", 1), ("mlp-depth:64", 1)],
)
def test_small_problems_share_a_call(name: str, steps: int) -> None:
    """Unrolling pays where a step is short, and costs compilation where it is long."""
    assert torch_compiled.unrolled(catalogue.find(name)) == steps


@needs_compiler
def test_one_graph_serves_all_problems_of_a_shape() -> None:
    """Data are arguments: others compile nothing."""
    BACKEND.prepare(catalogue.find("or-gate"), "float64")
    before = compiled_graph.compiled.cache_info().misses
    BACKEND.prepare(catalogue.find("xor"), "float64")
    assert compiled_graph.compiled.cache_info().misses == before


def test_a_graph_on_a_gpu_takes_no_batches_from_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gathers them itself; elsewhere they would be timed as if they had been copied."""
    monkeypatch.setenv("PERCEPTRON_REHEARSAL", "1")
    with pytest.raises(Unsupported, match='feed = "host": a compiled graph gathers batches'):
        CUDA_BACKEND.prepare(catalogue.find("mlp-batch-host:64"), "float32")


@needs_compiler
def test_on_a_stand_in_the_gpus_graph_is_compiled_and_agrees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PERCEPTRON_REHEARSAL", "1")
    problem = catalogue.find("or-gate")
    trainer = CUDA_BACKEND.prepare(problem, "float64")
    assert_as_numpy(trainer, problem, iterations=23, tolerance=1e-13)


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
