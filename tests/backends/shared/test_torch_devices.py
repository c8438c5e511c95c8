from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from perceptron.backends import registry
from perceptron.backends.shared import torch_devices
from perceptron.backends.shared.torch_devices import device_unavailable

if registry.reason_unavailable("torch-cpu"):
    pytest.skip(f"torch-cpu: {registry.reason_unavailable('torch-cpu')}", allow_module_level=True)

import torch


def built_for(monkeypatch: pytest.MonkeyPatch, kind: str | None, is_there: bool = False) -> None:
    """Make PyTorch one that is built for this kind of device."""
    device = None if kind is None else SimpleNamespace(type=kind)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: device)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: is_there)


@pytest.fixture
def drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system has what every device needs beneath PyTorch, and PyTorch its library for it."""
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("ctypes.CDLL", lambda name: None)
    monkeypatch.setattr(torch_devices, "_has_library_for", lambda device: True)


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ("mps", "no MPS device found: only macOS has them"),
        ("xpu", "no XPU device found: Intel's Level Zero is not installed"),
    ],
)
def test_without_a_driver_torch_is_not_asked(
    device: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To import it takes seconds."""

    def fail(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", fail)
    monkeypatch.setattr(torch_devices, "_accelerator_unavailable", lambda device: "was asked")
    assert device_unavailable(device) == reason


def test_a_build_without_its_library_is_not_asked_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Schedulers bring Level Zero to machines that have no such device."""
    monkeypatch.setattr("ctypes.CDLL", lambda name: None)
    monkeypatch.setattr(torch_devices, "_accelerator_unavailable", lambda device: "was asked")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(torch_devices, "find_spec", lambda name: spec)
    assert device_unavailable("xpu") == "this PyTorch is built without XPU: install a build for xpu"
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libtorch_xpu.so").touch()
    assert device_unavailable("xpu") == "was asked"


@pytest.mark.usefixtures("drivers")
@pytest.mark.parametrize("device", ["mps", "xpu"])
def test_a_build_for_something_else_is_said(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    built_for(monkeypatch, None)
    line = f"this PyTorch is built for the CPU alone: install a build for {device}"
    assert device_unavailable(device) == line
    built_for(monkeypatch, "cuda", is_there=True)
    assert device_unavailable(device) == line.replace("the CPU alone", "cuda")


@pytest.mark.usefixtures("drivers")
@pytest.mark.parametrize("device", ["mps", "xpu"])
def test_a_build_finds_its_device_or_not(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    built_for(monkeypatch, device)
    assert device_unavailable(device) == f"no {device.upper()} device found"
    built_for(monkeypatch, device, is_there=True)
    assert device_unavailable(device) is None


def test_an_amd_gpu_is_a_device_of_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROCm's PyTorch calls it so, and there is no driver of CUDA's to ask."""
    monkeypatch.setattr(torch_devices, "_ROCM", SimpleNamespace(exists=lambda: True))
    monkeypatch.setattr(torch.version, "hip", "6.4", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_unavailable("cuda") is None
    monkeypatch.setattr(torch.version, "hip", None, raising=False)
    monkeypatch.setattr(torch.version, "cuda", None)
    line = "this PyTorch is built without CUDA: install a CUDA build"
    assert device_unavailable("cuda") == line
