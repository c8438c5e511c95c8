from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from perceptron import optional
from perceptron.backends import registry
from perceptron.backends.protocol import Unsupported
from perceptron.measure.extras import Ran, kernels_of, profile
from perceptron.problems import catalogue

OR_GATE = catalogue.find("or-gate")

needs_torch = pytest.mark.skipif(
    optional.missing("torch") is not None, reason=str(optional.missing("torch"))
)


class Device:
    """A backend on a device, which is here in no test, and its trainer."""

    name, device, summary = "fake", "cuda", ""
    accelerator = SimpleNamespace(kind="cuda", place="cuda")

    def __init__(self) -> None:
        self.trained = 0

    def unavailable(self) -> None:
        return None

    def environment(self, threads: int) -> dict[str, str]:
        return {}

    def prepare(self, *_: object) -> Any:
        return self

    def train(self, iterations: int) -> None:
        self.trained += iterations


def test_launches_and_the_devices_seconds_are_given_per_iteration() -> None:
    """A kernel that runs once in ten iterations counts a tenth. The first training is not seen."""
    device = Device()

    def profiler(work: Callable[[], None]) -> Iterable[Ran]:
        before = device.trained
        work()
        iterations = device.trained - before
        return [("gemm", 2e-6)] * (2 * iterations) + [("place", 1e-6)] * (iterations // 10)

    gemm, place = profile(device, OR_GATE, "float32", profiler)
    assert (gemm.name, gemm.work) == ("gemm", 2.0)
    assert gemm.seconds == pytest.approx(4e-6)
    assert (place.work, place.seconds) == (pytest.approx(0.1), pytest.approx(1e-7))
    assert device.trained == 2 * gemm.iterations


def test_a_profiler_that_sees_nothing_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="saw no kernel"):
        list(profile(Device(), OR_GATE, "float32", lambda work: []))


def test_a_loop_inside_a_graph_is_not_counted_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The profiler would see its first pass, and a count of a tenth or less be published."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_enable_command_buffer=+WHILE")
    jax_cuda = registry.load("jax-cuda")
    with pytest.raises(Unsupported, match="first pass only"):
        list(profile(jax_cuda, OR_GATE, "float32", lambda work: pytest.fail("profiled")))
    monkeypatch.setenv("XLA_FLAGS", "")
    assert jax_cuda.unprofiled() is None  # type: ignore[attr-defined]


def test_without_pytorch_there_is_no_profiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "missing", lambda extra: "torch is not installed: get it")
    with pytest.raises(Unsupported, match="PyTorch's: torch is not installed"):
        list(profile(Device(), OR_GATE, "float32"))


@dataclass
class Event:
    """As `torch.profiler` gives them, as far as they are read."""

    name: str
    device: str = "CUDA"
    microseconds: float = 1.0
    is_user_annotation: bool = False
    cpu_children: list[Event] = field(default_factory=list)

    @property
    def device_type(self) -> SimpleNamespace:
        return SimpleNamespace(name=self.device)

    @property
    def time_range(self) -> SimpleNamespace:
        return SimpleNamespace(elapsed_us=lambda: self.microseconds)


def test_kernels_are_what_a_device_ran_but_copies() -> None:
    events = [
        Event("aten::mm", "CPU"),
        Event("cudaLaunchKernel", "CPU"),
        Event("ampere_sgemm_32x32", microseconds=2.5),
        Event("Memcpy HtoD (Pinned -> Device)"),
        Event("Memset (Device)"),
        Event("Optimizer.step#SGD.step", is_user_annotation=True),
    ]
    assert list(kernels_of(events, "cuda")) == [("ampere_sgemm_32x32", 2.5e-6)]


def test_on_a_cpu_operations_that_call_no_other_stand_for_kernels() -> None:
    events = [
        Event("aten::linear", "CPU", cpu_children=[Event("aten::addmm", "CPU")]),
        Event("aten::addmm", "CPU"),
        Event("SubBackward0", "CPU"),
        Event("gemm"),
    ]
    assert [name for name, _ in kernels_of(events, "cpu")] == ["aten::addmm"]


@needs_torch
def test_a_rehearsal_profiles_pytorch_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERCEPTRON_REHEARSAL", "1")
    parts = list(profile(registry.load("torch-cuda"), OR_GATE, "float32"))
    launched = {part.name: part.work for part in parts}
    assert launched["aten::sigmoid"] == 1.0
    assert all(part.seconds > 0 for part in parts)
