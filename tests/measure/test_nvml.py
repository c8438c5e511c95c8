from __future__ import annotations

import importlib
from types import ModuleType

import pytest

from perceptron.measure import nvml as tested
from perceptron.measure.nvml import NoDevice, device_of_process
from tests.measure.conftest import MakeNvml

UNEQUAL = ("Abacus", "Slide Rule")
EQUAL = ("Abacus", "Abacus", "Abacus")


@pytest.mark.parametrize(
    ("names", "variables", "uuid", "index"),
    [
        (("Abacus",), {}, None, 0),
        (EQUAL, {"CUDA_VISIBLE_DEVICES": "2,0"}, None, 2),
        (UNEQUAL, {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, None, 1),
        (UNEQUAL, {"CUDA_VISIBLE_DEVICES": "GPU-1a"}, None, 1),
        (UNEQUAL, {"CUDA_VISIBLE_DEVICES": "0"}, "GPU-1a7e", 1),
    ],
)
def test_the_gpu_of_this_process_is_found(
    nvml: MakeNvml,
    names: tuple[str, ...],
    variables: dict[str, str],
    uuid: str | None,
    index: int,
) -> None:
    """By what the library that drives it calls it, else by what the environment shows of them."""
    assert device_of_process(uuid, nvml(names=names), variables).handle == index


@pytest.mark.parametrize(
    ("names", "variables", "uuid", "reason"),
    [
        (UNEQUAL, {}, None, "which of several GPUs"),
        (("Abacus",), {"CUDA_VISIBLE_DEVICES": "MIG-0a7e"}, None, "part of a GPU"),
        (EQUAL, {}, "ffff", "part of a GPU"),
        (EQUAL, {"CUDA_VISIBLE_DEVICES": "7"}, None, "CUDA_VISIBLE_DEVICES=7 names no GPU"),
        (EQUAL, {"CUDA_VISIBLE_DEVICES": ""}, None, "names no GPU"),
    ],
)
def test_a_gpu_that_is_not_certain_is_not_guessed(
    nvml: MakeNvml,
    names: tuple[str, ...],
    variables: dict[str, str],
    uuid: str | None,
    reason: str,
) -> None:
    """CUDA and the driver number unequal GPUs in different orders."""
    with pytest.raises(NoDevice, match=reason):
        device_of_process(uuid, nvml(names=names), variables)


def test_without_a_driver_the_reason_says_so(
    nvml: MakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, as everything that cannot run does."""
    with pytest.raises(NoDevice, match="no NVIDIA driver"):
        device_of_process(nvml=nvml(driver=False))

    def missing(name: str) -> ModuleType:
        raise ImportError(name)

    tested.driver.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(NoDevice, match="nvidia-ml-py is not installed"):
        tested.driver()
