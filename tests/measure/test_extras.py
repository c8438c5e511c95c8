from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from perceptron import optional
from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import loop_of
from perceptron.backends.protocol import Unsupported
from perceptron.measure import extras
from perceptron.measure.extras import (
    Ran,
    TimedLoop,
    device_costs,
    kernels_of,
    profile,
)
from perceptron.measure.hardware import Device
from perceptron.measure.job import Part
from perceptron.measure.nvml import NoDevice, NvmlDevice
from perceptron.measure.timing import Effort, time_training
from perceptron.problems import catalogue
from tests.measure.conftest import Clock, FakeAccelerator

SHORT = Effort(samples=2, minimum_seconds=0.001)


def kernels(name: str, problem: str) -> list[Part]:
    return list(extras.kernels(registry.load(name), catalogue.find(problem), "float32"))


def test_extras_harness_cost_is_small() -> None:
    """Far less than a training that adds up numbers, on any machine."""
    (part,) = extras.harness(samples=50)
    assert part.name == "call"
    adding = TimedLoop(loop_of(lambda: sum(range(100_000))))
    assert 0 < part.seconds < time_training(adding, SHORT).seconds
    assert len(part.samples) == 50


def test_ceilings_know_their_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations of the product; every byte of the copy read and written."""
    monkeypatch.setattr(extras, "_HOST_CEILING", (64, 2**16))
    product, copy = extras.ceilings(registry.load("numpy"), "float32", SHORT)
    assert (product.name, product.work) == ("product", 2 * 64**3)
    assert (copy.name, copy.work) == ("copy", 2**17)
    assert product.seconds > 0
    assert copy.seconds > 0


def test_phases_end_with_a_whole_iteration() -> None:
    """What has none says so."""
    problem = catalogue.find("or-gate")
    parts = list(extras.phases(registry.load("torch-cpu"), problem, "float32", SHORT))
    assert [part.name for part in parts] == [
        *("Python's loop", "forward", "loss", "zero_grad", "backward", "optimizer step"),
    ]
    assert 0 < parts[0].seconds < parts[-1].seconds
    with pytest.raises(Unsupported, match="no separate phases"):
        list(extras.phases(registry.load("numpy"), problem, "float32", SHORT))


@pytest.mark.parametrize("name", ["torch-cpu", "torch-cpu-functional", "torch-cpu-manual"])
def test_kernels_are_counted_and_grow_with_the_layers(name: str) -> None:
    """Ten to thirty for a perceptron; every further layer brings more; rows bring none."""
    counts = [len(kernels(name, problem)) for problem in ("or-gate", "mlp-depth:1", "mlp-depth:4")]
    assert 10 <= counts[0] <= 30
    assert counts[0] < counts[1] < counts[2]
    few, many = kernels(name, "perceptron-rows:16"), kernels(name, "perceptron-rows:4096")
    assert [part.name for part in few] == [part.name for part in many]
    assert sum(part.bytes_moved or 0 for part in few) < sum(part.bytes_moved or 0 for part in many)


ONE_ITERATION = Effort(samples=2, iterations=1)


def test_extras_device_costs_need_a_device() -> None:
    with pytest.raises(Unsupported, match="trains on the host"):
        list(
            device_costs(
                registry.load("numpy"), catalogue.find("or-gate"), "float32", ONE_ITERATION, True
            )
        )


def no_driver(uuid: str | None) -> NvmlDevice:
    raise NoDevice("no NVIDIA driver")


def test_ceilings_are_those_of_where_a_backend_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU's rows are held against the GPU."""
    clock = Clock()
    backend = registry.load("numpy")
    accelerator = FakeAccelerator(clock)
    monkeypatch.setattr(backend, "accelerator", accelerator, raising=False)
    for place, width, copied in (("cpu", 2048, 256), ("cuda", 8192, 1024)):
        accelerator.device_type = place
        accelerator.log.clear()
        monkeypatch.setattr(extras, "hardware_of", lambda _: Device(accelerator, clock, no_driver))
        product, copy = extras.ceilings(backend, "float32", ONE_ITERATION)
        made = [words for words in accelerator.log if words.startswith(("product", "copy"))]
        assert made == [f"product {width}", f"copy {copied} MiB"]
        assert (product.work, copy.work) == (2.0 * width**3, 2.0 * copied * 2**20)


OR_GATE = catalogue.find("or-gate")


class OnDevice:
    """A backend on a device, which is here in no test, and its trainer."""

    name, device, summary = "fake", "cuda", ""
    accelerator = SimpleNamespace(kind="cuda", device_type="cuda")

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
    device = OnDevice()

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


def test_extras_profiler_without_kernels_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="saw no kernel"):
        list(profile(OnDevice(), OR_GATE, "float32", lambda work: []))


def test_extras_profiler_refuses_loop_inside_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """The profiler would see its first pass, and a count of a tenth or less be published."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_enable_command_buffer=+WHILE")
    jax_cuda = registry.load("jax-cuda")
    with pytest.raises(Unsupported, match="first pass only"):
        list(profile(jax_cuda, OR_GATE, "float32", lambda work: pytest.fail("profiled")))
    monkeypatch.setenv("XLA_FLAGS", "")
    assert jax_cuda.unprofiled() is None  # type: ignore[attr-defined]


def test_extras_profiler_needs_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "missing", lambda extra: "torch is not installed: get it")
    with pytest.raises(Unsupported, match="PyTorch's: torch is not installed"):
        list(profile(OnDevice(), OR_GATE, "float32"))


@dataclass
class Event:
    """As `torch.profiler` gives them, as far as they are read."""

    name: str
    device: str = "CUDA"
    microseconds: float = 1.0
    is_user_annotation: bool = False

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
