from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from perceptron.backends import registry, torch_compiled
from perceptron.backends.contract import checks
from perceptron.backends.contract.checks import ContractCheck
from perceptron.backends.protocol import Backend, Trainer, Unsupported
from perceptron.backends.torch_compiled import BACKEND as COMPILED
from perceptron.backends.torch_cuda_graph import BACKEND as GRAPH
from perceptron.backends.torch_cuda_graph import STEPS, GraphTrainer, Work
from perceptron.backends.torch_functional import BACKEND as FUNCTIONAL
from perceptron.backends.torch_manual import BACKEND as MANUAL
from perceptron.problems import catalogue
from perceptron.problems.problem import DTYPES, DType, Problem

ROOT = Path(__file__).parents[2]

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

needs_compiler = pytest.mark.skipif(
    COMPILED.unavailable() is not None, reason=f"{COMPILED.name}: {COMPILED.unavailable()}"
)
needs_gpu = pytest.mark.skipif(
    GRAPH.unavailable() is not None, reason=f"{GRAPH.name}: {GRAPH.unavailable()}"
)

PREPARED_AT_ONCE = [pytest.param(each, id=each.name) for each in (FUNCTIONAL, MANUAL)]
# One of many steps and one of a single step; every further problem costs several compilations.
COMPILED_PROBLEMS = ("or-gate", "mlp-depth:1")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Problems this small gain nothing from a second, and wait for it where a core is taken."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Recorder:
    """Records nothing: it repeats the step, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.replays: list[int] = []

    def __call__(self, step: Work, steps: int) -> Work:
        step()  # as the real one, it warms up with steps that really happen

        def replay() -> None:
            self.replays.append(steps)
            for _ in range(steps):
                step()

        return replay


class GraphOnCpu:
    """The backend of the CUDA graph with a recorder for the CPU in it."""

    name = "torch-cuda-graph on the CPU"
    device = "cpu"
    summary = ""

    def unavailable(self) -> str | None:
        return None

    def environment(self, threads: int) -> dict[str, str]:
        return GRAPH.environment(threads)

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        return GraphTrainer(problem, dtype, "cpu", Recorder())


def keep(check: ContractCheck, backend: Backend, problem: Problem, dtype: DType) -> None:
    try:
        check.run(backend, problem, dtype)
    except Unsupported as reason:
        pytest.skip(f"{backend.name}: {reason}")


every_check = pytest.mark.parametrize("check", checks.CHECKS, ids=lambda each: each.name)
every_problem = pytest.mark.parametrize("problem", checks.problems(), ids=lambda each: each.name)


@pytest.mark.parametrize("dtype", DTYPES)
@every_problem
@every_check
def test_a_recorded_step_keeps_every_promise(
    check: ContractCheck, problem: Problem, dtype: DType
) -> None:
    """The contract of all backends, with a recorder of steps in the place of a GPU's."""
    keep(check, GraphOnCpu(), problem, dtype)


def graph_on_cpu(problem: Problem) -> Trainer:
    return GraphOnCpu().prepare(problem, "float64")


def compiled(problem: Problem) -> Trainer:
    return COMPILED.prepare(problem, "float64")


@pytest.mark.parametrize("iterations", [1, 9, 10, 11, 37])
@pytest.mark.parametrize("prepare", [graph_on_cpu, pytest.param(compiled, marks=needs_compiler)])
def test_any_number_of_iterations_is_taken(
    prepare: Callable[[Problem], Trainer], iterations: int
) -> None:
    """What a whole number of graphs leaves over is trained too, no more and no less."""
    problem = catalogue.find("or-gate")
    trainer, right = prepare(problem), registry.load("numpy").prepare(problem, "float64")
    trainer.train(iterations)
    right.train(iterations)
    for found, expected in zip(trainer.parameters(), right.parameters(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_a_graph_is_replayed_as_seldom_as_possible() -> None:
    """Ten steps a replay, single steps for the rest; recording leaves the start untouched."""
    recorder = Recorder()
    trainer = GraphTrainer(catalogue.find("or-gate"), "float32", "cpu", recorder)
    trainer.train(2 * STEPS + 3)
    assert recorder.replays == [STEPS, STEPS, 1, 1, 1]


def test_a_recorded_step_finds_its_tensors_where_they_were() -> None:
    """A graph knows addresses: neither steps nor reset may put a parameter elsewhere."""
    trainer = GraphTrainer(catalogue.find("xor-hidden"), "float32", "cpu", Recorder())
    before = [parameter.data_ptr() for parameter in trainer._model.parameters()]
    trainer.train(STEPS + 1)
    trainer.reset()
    assert [parameter.data_ptr() for parameter in trainer._model.parameters()] == before


@pytest.mark.parametrize(
    ("name", "steps"),
    [("or-gate", 10), ("xor-hidden", 5), ("mlp-width:512", 1), ("mlp-depth:64", 1)],
)
def test_small_problems_share_a_call(name: str, steps: int) -> None:
    """Unrolling pays where a step is short, and costs compilation where it is long."""
    assert torch_compiled.unrolled(catalogue.find(name)) == steps


@needs_compiler
def test_one_graph_serves_all_problems_of_a_shape() -> None:
    """Data and rate are arguments: another start or rate compiles nothing."""
    COMPILED.prepare(catalogue.find("or-gate"), "float64")
    before = torch_compiled._compiled.cache_info().misses
    COMPILED.prepare(catalogue.find("xor"), "float64")
    assert torch_compiled._compiled.cache_info().misses == before


def test_a_missing_compiler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is compiled, and with what to do."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert COMPILED.unavailable() == "no C++ compiler found: install g++"
    monkeypatch.setenv("CXX", "/no/such/compiler")
    assert COMPILED.unavailable() == "CXX=/no/such/compiler not found: install g++"


@pytest.mark.parametrize(
    "backend", [FUNCTIONAL, MANUAL, COMPILED, GRAPH], ids=lambda each: each.name
)
def test_threads_are_set_by_the_environment(backend: Backend) -> None:
    assert backend.environment(3)["OMP_NUM_THREADS"] == "3"
    assert isinstance(backend, Backend)


@pytest.mark.parametrize(
    "module", ["torch_functional", "torch_manual", "torch_compiled", "torch_cuda_graph"]
)
def test_torch_is_not_imported_unless_used(module: str) -> None:
    """Looking at a backend costs milliseconds, where there is no CUDA driver to ask further."""
    code = (
        f"import sys\nfrom perceptron.backends.{module} import BACKEND\n"
        "BACKEND.unavailable(), BACKEND.environment(2)\n"
        "from perceptron.backends.shared.cuda import driver_unavailable\n"
        "cpu = BACKEND.device == 'cpu'\n"
        "assert 'torch' not in sys.modules or not (cpu or driver_unavailable())\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_driver_is_asked_for_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver without a device, as CUDA_VISIBLE_DEVICES can make it, is no device."""
    from perceptron.backends.shared import cuda

    class Driver:
        def __init__(self, status: int, devices: int) -> None:
            self.status, self.devices = status, devices

        def cuInit(self, flags: int) -> int:  # noqa: N802 the driver's own name
            return self.status

        def cuDeviceGetCount(self, count: object) -> int:  # noqa: N802
            count._obj.value = self.devices  # type: ignore[attr-defined]
            return 0

    for driver, reason in [
        (Driver(0, 1), None),
        (Driver(0, 0), cuda.NO_DEVICE),
        (Driver(100, 0), cuda.NO_DEVICE),
    ]:
        monkeypatch.setattr("ctypes.CDLL", lambda name, driver=driver: driver)
        assert cuda.driver_unavailable() == reason
