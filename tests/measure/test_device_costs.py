from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.protocol import Unsupported
from perceptron.measure import extras
from perceptron.measure.device_costs import device, device_ceilings
from perceptron.measure.hardware import Device
from perceptron.measure.nvml import NoDevice, NvmlDevice
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue
from tests.measure.conftest import Clock, FakeAccelerator

SHORT = Effort(samples=2, iterations=1)


def test_a_host_has_no_device_to_start() -> None:
    with pytest.raises(Unsupported, match="trains on the host"):
        list(device(registry.load("numpy"), catalogue.find("or-gate"), "float32", SHORT, None))


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
        accelerator, Device(accelerator, clock, no_driver), "float32", SHORT, clock
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
        accelerator, Device(accelerator, clock, no_driver), "float32", SHORT, clock
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
    product, _ = extras.ceilings(backend, "float32", SHORT)
    assert accelerator.log[0] == "product 2048"
    assert product.work == 2.0 * 2048**3
