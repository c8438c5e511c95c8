"""Why a backend cannot run here, before its library is imported, or not train a problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import pytest

from perceptron import optional
from perceptron.backends import registry
from perceptron.backends.accelerators import (
    cupy_accelerator,
    jax_accelerator,
    protocol,
    torch_accelerator,
)
from perceptron.backends.accelerators.torch_accelerator import device_unavailable
from perceptron.backends.cupy_backend import BACKEND as CUPY
from perceptron.backends.jax_backend import JaxBackend
from perceptron.backends.protocol import Unsupported
from perceptron.backends.sequential import MOST_MODELS
from perceptron.backends.shared.compilers import cpp_unavailable, triton_unavailable
from perceptron.problems import catalogue
from perceptron.problems.optimizer import Adam, Sgd
from perceptron.problems.problem import DType, Problem
from tests.backends.conftest import needs
from tests.stand_in import use_stand_ins


def fail(name: str) -> None:
    raise OSError(name)


@pytest.mark.parametrize(
    ("status", "devices", "reason"),
    [(0, 1, None), (0, 0, protocol.NO_CUDA_DEVICE), (100, 0, protocol.NO_CUDA_DEVICE)],
)
def test_cudas_driver_is_asked_for_devices(
    status: int, devices: int, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver without a device, as CUDA_VISIBLE_DEVICES can make it, is no device."""

    def count(answer: object) -> int:
        answer._obj.value = devices  # type: ignore[attr-defined]
        return 0

    driver = SimpleNamespace(cuInit=lambda flags: status, cuDeviceGetCount=count)
    monkeypatch.setattr("ctypes.CDLL", lambda name: driver)
    assert protocol.cuda_unavailable() == reason


@pytest.mark.parametrize(
    ("unavailable", "language", "variable", "compiler"),
    [(triton_unavailable, "C", "CC", "gcc"), (cpp_unavailable, "C++", "CXX", "g++")],
)
def test_unavailable_without_compiler_or_python_header(
    unavailable: Callable[[], str | None],
    language: str,
    variable: str,
    compiler: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(optional, "missing", lambda extra: None)
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("shutil.which", lambda name: name if name == compiler else None)
    assert unavailable() == "Python.h not found: install python3-dev"
    (tmp_path / "Python.h").touch()
    assert unavailable() is None
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert unavailable() == f"no {language} compiler found: install {compiler}"
    monkeypatch.setenv(variable, "/no/such/compiler")
    assert unavailable() == f"{variable}=/no/such/compiler not found: install {compiler}"


def test_torch_is_not_asked_for_what_a_look_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To import it takes seconds. Schedulers bring Level Zero to machines without such a device."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("ctypes.CDLL", fail)
    monkeypatch.setattr(torch_accelerator, "_accelerator_unavailable", lambda device: "was asked")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(torch_accelerator, "find_spec", lambda name: spec)
    assert device_unavailable("mps") == "no MPS device found: only macOS has them"
    assert device_unavailable("xpu") == "no XPU device found: Intel's Level Zero is not installed"
    monkeypatch.setattr("ctypes.CDLL", lambda name: None)
    assert device_unavailable("xpu") == "this PyTorch is built without XPU: install a build for xpu"
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libtorch_xpu.so").touch()
    assert device_unavailable("xpu") == "was asked"


@pytest.mark.parametrize(
    ("built_for", "is_there", "reason"),
    [
        (None, False, "this PyTorch is built for the CPU alone: install a build for mps"),
        ("cuda", True, "this PyTorch is built for cuda: install a build for mps"),
        ("mps", False, "no MPS device found"),
        ("mps", True, None),
    ],
)
def test_unavailable_follows_device_of_torch_build(
    built_for: str | None, is_there: bool, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("sys.platform", "darwin")
    accelerator = built_for and SimpleNamespace(type=built_for)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: accelerator)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: is_there)
    assert device_unavailable("mps") == reason


def test_unavailable_not_for_amd_gpu_as_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROCm's PyTorch calls it so, and there is no driver of CUDA's to ask."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch_accelerator, "_ROCM", SimpleNamespace(exists=lambda: True))
    monkeypatch.setattr(torch.version, "hip", "6.4", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_unavailable("cuda") is None
    monkeypatch.setattr(torch.version, "hip", None, raising=False)
    monkeypatch.setattr(torch.version, "cuda", None)
    line = "this PyTorch is built without CUDA: install a CUDA build"
    assert device_unavailable("cuda") == line


JAX = ("jax", "jaxlib")


@pytest.mark.parametrize(
    ("installed", "device", "driver", "reason"),
    [
        ((), "cpu", None, 'jax and jaxlib are not installed: pip install "perceptron-bench[jax]"'),
        (JAX, "cpu", "no CUDA device found", None),
        (JAX, "cuda", "no CUDA device found", "no CUDA device found"),
        (
            JAX,
            "cuda",
            None,
            "this JAX is installed without CUDA: pip install 'jax[cuda13]', "
            "or 'jax[cuda12]' for a driver before 580",
        ),
        ((*JAX, "jax_cuda13_plugin"), "cuda", None, None),
    ],
)
def test_jax_needs_its_parts(
    installed: tuple[str, ...],
    device: str,
    driver: str | None,
    reason: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find(name: str) -> ModuleSpec | None:
        return ModuleSpec(name, None, origin=name) if name in installed else None

    for module in (optional, jax_accelerator):
        monkeypatch.setattr(module, "find_spec", find)
    monkeypatch.setattr(jax_accelerator, "cuda_unavailable", lambda: driver)
    assert JaxBackend("jax", device, "").unavailable() == reason


def test_unavailable_checks_gpu_before_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody should install CuPy for a GPU that is not there."""
    monkeypatch.setattr(optional, "missing", lambda extra: f"no {extra}")
    monkeypatch.setattr(cupy_accelerator, "cuda_unavailable", lambda: "no device")
    assert CUPY.unavailable() == "no device"
    monkeypatch.setattr(cupy_accelerator, "cuda_unavailable", lambda: None)
    assert CUPY.unavailable() == "no cupy"
    assert CUPY.environment(3)["CUPY_TF32"] == "0", "whatever the user has set"


OR_GATE = catalogue.find("or-gate")
ON_BATCHES = replace(OR_GATE, batch=2)
BY_ADAM = replace(OR_GATE, optimizer=Adam(rate=0.1))
DECAYING = replace(OR_GATE, optimizer=Sgd(rate=0.1, weight_decay=0.1))
FROM_HOST = catalogue.find("mlp-batch-host:64")
PERSISTENT = "torch-cuda-persistent"
BY_HOST = r'feed = "host": .* gathers batches on the device'


@pytest.mark.parametrize(
    ("name", "problem", "reason"),
    [
        ("numpy-published", ON_BATCHES, "trains on all rows at once"),
        ("numpy-published", BY_ADAM, "by plain gradient descent, as published, not by adam$"),
        ("numpy-published", DECAYING, "not by sgd decay$"),
        ("numpy-published", replace(OR_GATE, loss="mse"), "one sigmoid under the summed L1"),
        ("python", catalogue.find("mlp-width:512"), "at most 750,000 are taken"),
        ("python", catalogue.find("mlp:2x4096"), "4,097 parameters, at most 4,096"),
        ("python", BY_ADAM, "^trains by sgd only, not by adam$"),
        ("numba", replace(BY_ADAM, models=2), "^trains by sgd only, not by adam$"),
        ("numpy-sequential", replace(OR_GATE, models=MOST_MODELS + 1), "^sequential, a model of"),
        ("torch-cpu-dataloader", OR_GATE, "^loads batches, and this problem takes all rows"),
        *((name, FROM_HOST, BY_HOST) for name in ("torch-cuda-compiled", "torch-cuda-graph")),
        ("jax-cuda", FROM_HOST, BY_HOST),
        (PERSISTENT, ON_BATCHES, "not on batches"),
        (PERSISTENT, BY_ADAM, "not by adam"),
        (PERSISTENT, DECAYING, "not by sgd decay"),
        (PERSISTENT, catalogue.find("mlp-depth:4"), "up to 3 layers, not 5"),
        (
            PERSISTENT,
            catalogue.find("mlp-width:64"),
            "needs .* KiB of one block.s registers, at most 128 KiB are used",
        ),
        (PERSISTENT, catalogue.find("mlp-map:16x32"), "up to 8,192 terms of a product, not 32,768"),
    ],
)
def test_unsupported_problem_is_refused(
    name: str, problem: Problem, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line: the console shows it."""
    use_stand_ins(monkeypatch)
    needs(name)
    backend = registry.load(name)
    with pytest.raises(Unsupported, match=reason) as refused:
        backend.prepare(problem, "float64" if backend.device == "cpu" else "float32")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "dtype", "reason"),
    [
        # Rounding each step to 32 bits would time something else.
        ("python", "float32", "Python floats have 64 bits: no float32"),
        (PERSISTENT, "float64", "trains in float32 only, not in float64"),
    ],
)
def test_unsupported_dtype_is_refused(name: str, dtype: DType, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        registry.load(name).require(OR_GATE, dtype)  # type: ignore[attr-defined]
