from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import loop_of
from perceptron.backends.protocol import Unsupported
from perceptron.measure import extras
from perceptron.measure.extras import TimedLoop, device_ceilings, device_costs
from perceptron.measure.hardware import Device
from perceptron.measure.job import Part
from perceptron.measure.nvml import NoDevice, NvmlDevice
from perceptron.measure.timing import Effort, time_training
from perceptron.problems import catalogue
from tests.measure.conftest import Clock, FakeAccelerator

SHORT = Effort(samples=2, minimum_seconds=0.001)


def kernels(name: str, problem: str) -> list[Part]:
    return list(extras.kernels(registry.load(name), catalogue.find(problem), "float32"))


def test_an_empty_training_takes_next_to_nothing() -> None:
    """Far less than a training that adds up numbers, on any machine."""
    (part,) = extras.harness(samples=50)
    assert part.name == "call"
    adding = TimedLoop(loop_of(lambda: sum(range(100_000))))
    assert 0 < part.seconds < time_training(adding, SHORT).seconds
    assert len(part.samples) == 50


def test_ceilings_know_their_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations of the product; every byte of the copy read and written."""
    monkeypatch.setattr(extras, "_PRODUCT_WIDTH", 64)
    monkeypatch.setattr(extras, "_COPY_BYTES", 2**16)
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
    assert parts[0].seconds < parts[1].seconds < parts[-1].seconds
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


def test_a_host_has_no_device_to_start() -> None:
    with pytest.raises(Unsupported, match="trains on the host"):
        list(
            device_costs(
                registry.load("numpy"), catalogue.find("or-gate"), "float32", ONE_ITERATION, None
            )
        )


def no_driver(uuid: str | None) -> NvmlDevice:
    raise NoDevice("no NVIDIA driver")


@pytest.mark.parametrize(
    ("seconds", "free", "made"),
    [
        (0.34e-3, None, [2048, 4096, 8192]),
        (2.1e-3, None, [2048, 4096]),
        (0.2, None, [2048]),
        (1e-7, None, [2048, 4096, 8192, 16384]),
        (1e-7, 2**30, [2048, 4096]),
        (1e-7, 2**20, [2048]),
    ],
)
def test_a_product_is_as_large_as_the_device_is_fast(
    seconds: float, free: int | None, made: list[int]
) -> None:
    """Until it takes 5 ms, or a quarter of the memory, of which the host is not asked."""
    clock = Clock()
    accelerator = FakeAccelerator(clock, free, product_seconds=seconds)
    product, copy = device_ceilings(
        accelerator, Device(accelerator, clock, no_driver), "float32", ONE_ITERATION, clock
    )
    widths = [int(words.split()[1]) for words in accelerator.log if words.startswith("product")]
    assert widths == made
    assert product.work == 2.0 * made[-1] ** 3
    assert product.name == "product"
    assert copy.name == "copy"


def test_a_copy_is_as_large_as_the_device_is_fast() -> None:
    """At 0.2 ms for 256 MiB launches would count: 2 GiB take more than a millisecond."""
    clock = Clock()
    accelerator = FakeAccelerator(clock, product_seconds=1.0)
    _, copy = device_ceilings(
        accelerator, Device(accelerator, clock, no_driver), "float32", ONE_ITERATION, clock
    )
    assert [words for words in accelerator.log if words.startswith("copy")] == [
        "copy 256 MiB",
        "copy 512 MiB",
        "copy 1024 MiB",
        "copy 2048 MiB",
    ]
    assert copy.work == 2.0 * 2**31


def test_ceilings_are_those_of_where_a_backend_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU's rows are held against the GPU."""
    clock = Clock()
    backend = registry.load("numpy")
    accelerator = FakeAccelerator(clock, free=1, product_seconds=1.0)
    accelerator.place = "cpu"  # where nothing is warmed up
    monkeypatch.setattr(backend, "accelerator", accelerator, raising=False)
    product, _ = extras.ceilings(backend, "float32", ONE_ITERATION)
    assert accelerator.log[0] == "product 2048"
    assert product.work == 2.0 * 2048**3
