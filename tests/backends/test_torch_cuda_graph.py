from __future__ import annotations

import pytest

from perceptron.backends import registry, torch_cuda_graph
from perceptron.backends.protocol import Unsupported
from perceptron.backends.shared.torch_capture import CudaCapture
from perceptron.backends.torch_cuda_graph import BACKEND, MANUAL, GraphBackend
from perceptron.backends.torch_eager import TorchTrainer
from perceptron.backends.torch_manual import ManualTrainer
from perceptron.problems import catalogue
from tests.backends.conftest import assert_as_numpy

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

from tests.backends.fake_cuda import FakeCuda

pytestmark = [
    pytest.mark.usefixtures("one_torch_thread", "_rehearsal"),
    pytest.mark.parametrize(
        ("backend", "trainer"), [(BACKEND, TorchTrainer), (MANUAL, ManualTrainer)]
    ),
]


@pytest.fixture
def _rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERCEPTRON_REHEARSAL", "1")


def test_every_graph_is_uploaded_before_it_is_timed(
    backend: GraphBackend, trainer: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first replay of a graph is slower; and training begins at the start all the same."""
    cuda = FakeCuda()
    monkeypatch.setattr(torch_cuda_graph, "capture", lambda place: CudaCapture(cuda, "cpu"))
    problem = catalogue.find("or-gate")
    prepared = backend.prepare(problem, "float64")
    assert isinstance(prepared.trainer, trainer)
    assert [len(graph.replayed_on) for graph in cuda.graphs] == [1, 1]
    assert_as_numpy(prepared, problem, iterations=13, tolerance=1e-13)


def test_a_step_that_waits_for_a_value_is_refused_in_a_rehearsal_too(
    backend: GraphBackend, trainer: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the line that the row will have; nothing was recorded that would replay an old value."""
    take = trainer.take_recorded  # type: ignore[attr-defined]

    def looking(self, *arguments):  # type: ignore[no-untyped-def]
        take(self, *arguments)
        assert self.data.inputs.sum().item() > 0.0

    monkeypatch.setattr(trainer, "take_recorded", looking)
    line = "its step cannot be recorded: aten._local_scalar_dense.default asks the device"
    with pytest.raises(Unsupported, match=line):
        backend.prepare(catalogue.find("or-gate"), "float32")
