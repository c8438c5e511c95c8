from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.contract import checks
from perceptron.backends.protocol import Trainer
from perceptron.backends.torch_cuda_graph import BACKEND, STEPS, GraphTrainer, Work
from perceptron.problems import catalogue
from perceptron.problems.problem import DTYPES, DType, Problem
from tests.backends.conftest import assert_as_numpy, broken_promises

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("one_torch_thread")


class Recorder:
    """Records nothing: it repeats the work, and counts its replays by the order of recording."""

    def __init__(self) -> None:
        self.replays: list[int] = []
        self._recorded = 0

    def __call__(self, work: Work) -> Work:
        work()  # as the real one, it warms up with steps that change parameters
        number = self._recorded
        self._recorded += 1

        def replay() -> None:
            self.replays.append(number)
            work()

        return replay


class GraphOnCpu:
    """The backend of the CUDA graph with a recorder for the CPU in it."""

    name = "torch-cuda-graph on the CPU"
    device = "cpu"
    summary = ""

    def unavailable(self) -> str | None:
        return None

    def environment(self, threads: int) -> dict[str, str]:
        return BACKEND.environment(threads)

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        return GraphTrainer(problem, dtype, "cpu", Recorder())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("problem", checks.problems(), ids=lambda problem: problem.name)
def test_a_recorded_step_keeps_every_promise(problem: Problem, dtype: DType) -> None:
    """The contract of all backends, with a recorder of steps instead of a GPU's."""
    assert broken_promises(GraphOnCpu(), problem, dtype) == []


@pytest.mark.parametrize("iterations", [1, 9, 10, 11, 37])
def test_any_number_of_iterations_is_trained(iterations: int) -> None:
    """So are those left over by a whole number of graphs, no more and no fewer."""
    problem = catalogue.find("or-gate")
    trainer = GraphOnCpu().prepare(problem, "float64")
    assert_as_numpy(trainer, problem, iterations=iterations, tolerance=1e-13)


def test_a_graph_is_replayed_as_seldom_as_possible() -> None:
    """Ten steps a replay, single steps for the rest; recording leaves the start untouched."""
    recorder = Recorder()
    trainer = GraphTrainer(catalogue.find("or-gate"), "float32", "cpu", recorder)
    trainer.train(2 * STEPS + 3)
    assert recorder.replays == [0, 0, 1, 1, 1]


def test_a_recorded_step_finds_its_tensors_where_they_were() -> None:
    """A graph knows addresses: neither steps nor reset may put a parameter elsewhere."""
    trainer = GraphTrainer(catalogue.find("xor-hidden"), "float32", "cpu", Recorder())
    before = [parameter.data_ptr() for parameter in trainer._model.parameters()]
    trainer.train(STEPS + 1)
    trainer.reset()
    assert [parameter.data_ptr() for parameter in trainer._model.parameters()] == before
