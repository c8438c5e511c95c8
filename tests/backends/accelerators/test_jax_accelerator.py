from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from perceptron import optional
from perceptron.backends.accelerators import jax_accelerator
from perceptron.backends.accelerators.jax_accelerator import JaxAccelerator

if optional.missing("jax"):
    pytest.skip(str(optional.missing("jax")), allow_module_level=True)

import jax

from perceptron.backends.shared.compile_cache import jax_events


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch) -> JaxAccelerator:
    """A CUDA device for which the CPU stands in."""
    monkeypatch.setenv("PERCEPTRON_REHEARSAL", "1")
    return JaxAccelerator("cuda")


class Allocator:
    """A device whose numbers a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.peak: int | None = 100
        device = SimpleNamespace(memory_stats=self.statistics)
        monkeypatch.setattr(jax, "devices", lambda kind: [device])

    def statistics(self) -> dict[str, int] | None:
        if self.peak is None:
            return None
        return {"peak_bytes_in_use": self.peak, "bytes_in_use": 30, "bytes_limit": 1000}


def test_a_peak_is_known_if_it_rose(monkeypatch: pytest.MonkeyPatch) -> None:
    """JAX cannot forget one: what stays below an earlier one is not known."""
    allocator, accelerator = Allocator(monkeypatch), JaxAccelerator("cuda")
    assert accelerator.peak_memory() == 100
    accelerator.reset_peak_memory()
    assert accelerator.peak_memory() is None
    allocator.peak = 250
    assert accelerator.peak_memory() == 250


def test_without_numbers_of_the_allocator_there_is_no_peak(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allocator, accelerator = Allocator(monkeypatch), JaxAccelerator("cuda")
    allocator.peak = None
    accelerator.reset_peak_memory()
    assert accelerator.peak_memory() is None
    assert accelerator.free_memory() is None
    allocator.peak = 100
    assert accelerator.free_memory() == 970


def test_touching_it_runs_a_product_and_waits(rehearsed: JaxAccelerator) -> None:
    """So that a problem's prepare starts nothing: a product is compiled, loaded and run."""
    before = jax_events().copy()
    rehearsed.touch()
    assert (jax_events() - before)["backend_compile_duration"]
    rehearsed.synchronize()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_its_loops_run_and_have_their_dtype(
    rehearsed: JaxAccelerator, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    looped = jax_accelerator._loop

    def kept(work: Any, *arguments: Any) -> Any:
        made.append((work, arguments))
        return looped(work, *arguments)

    monkeypatch.setattr(jax_accelerator, "_loop", kept)
    for loop in (rehearsed.product(8, dtype), rehearsed.copy(1024)):
        loop(3)
    (multiplied, squares), (copied, array) = made
    with jax.enable_x64(True):
        result = multiplied(*squares)
    assert result.dtype == np.dtype(dtype)
    assert float(result[0, 0]) == 8.0
    assert (copied(*array) == array[0]).all()
    assert array[0].nbytes == 1024


def test_products_are_asked_for_in_full_precision(rehearsed: JaxAccelerator) -> None:
    """Without it a GPU rounds float32 to TF32."""
    text: list[str] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            jax_accelerator,
            "_loop",
            lambda work, *arguments: text.append(str(jax.make_jaxpr(work)(*arguments))),
        )
        rehearsed.product(4, "float32")
    assert "Precision.HIGHEST" in text[0]


def test_copies_have_their_direction(rehearsed: JaxAccelerator) -> None:
    loops = rehearsed.transfers(1024)
    assert list(loops) == ["host to device", "device to host"]
    for loop in loops.values():
        loop(2)


def test_it_has_no_clock_of_its_own() -> None:
    assert JaxAccelerator("cuda").busy_seconds(lambda iterations: None, 10) is None


def test_versions_are_those_that_the_plugin_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that it does not tell is left out; without a plugin there is none."""
    assert JaxAccelerator("cuda").versions() == {}

    def unknown() -> int:
        raise RuntimeError("not built with it")

    module: Any = ModuleType("jax_cuda13_plugin._versions")
    module.cuda_runtime_get_version = lambda: 13000
    module.cudnn_get_version = lambda: 91002
    module.cublas_get_version = unknown
    monkeypatch.setitem(sys.modules, "jax_cuda13_plugin", ModuleType("jax_cuda13_plugin"))
    monkeypatch.setitem(sys.modules, "jax_cuda13_plugin._versions", module)
    assert JaxAccelerator("cuda").versions() == {"cuda": "13.0", "cudnn": "91002"}
