"""CuPy in NumPy's clothes: arrays of a device that refuse to meet those of the host."""

from __future__ import annotations

from collections import Counter
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

NUMPYS_OWN = (
    "amax",
    "clip",
    "copyto",
    "exp",
    "negative",
    "reciprocal",
    "sign",
    "sqrt",
    "subtract",
    "tanh",
)


class DeviceArray(np.ndarray[Any, Any]):
    """Raises, as CuPy does, where an array of the host is computed with."""

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **options: Any
    ) -> Any:
        _assert_on_device(*inputs, *out)
        if out:
            options["out"] = tuple(_as_base(array) for array in out)
        result = getattr(ufunc, method)(*(_as_base(value) for value in inputs), **options)
        return out[0] if out else np.asarray(result).view(DeviceArray)

    def take(self, indices: Any, *arguments: Any, **options: Any) -> Any:
        _assert_on_device(indices)
        taken = self.view(np.ndarray).take(indices.view(np.ndarray), *arguments, **options)
        return taken.view(DeviceArray)

    def dot(self, other: Any, out: Any = None) -> Any:
        _assert_on_device(other)
        assert out is None or (out.flags.c_contiguous and isinstance(out, DeviceArray))
        return super().dot(other, out=out)

    def set(self, host: np.ndarray[Any, Any]) -> None:
        assert not isinstance(host, DeviceArray)
        self[...] = host

    def get(self, out: np.ndarray[Any, Any]) -> None:
        assert not isinstance(out, DeviceArray)
        out[...] = self.view(np.ndarray)


class FakeCupy(ModuleType):
    """``calls`` counts what a test may want to know of; ``milliseconds`` is the device's clock."""

    ndarray = DeviceArray

    def __init__(self) -> None:
        super().__init__("cupy")
        for name in NUMPYS_OWN:
            setattr(self, name, getattr(np, name))
        self.get_default_memory_pool = lambda: SimpleNamespace(
            free_bytes=lambda: 24, free_all_blocks=lambda: self._call("free_all_blocks")
        )
        for name in ("ndarray", "asarray", "asnumpy", "array", "ones", "zeros_like", "RawKernel"):
            setattr(self, name, getattr(self, name))  # in the module's dictionary
        self.calls: Counter[str] = Counter()
        self.milliseconds = 0.0
        self.sources: list[str] = []
        self.cuda = SimpleNamespace(
            Device=lambda: SimpleNamespace(synchronize=lambda: self._call("synchronize")),
            Event=lambda disable_timing: _Event(self, disable_timing),
            get_elapsed_time=lambda begin, end: end.at - begin.at,
            alloc_pinned_memory=lambda size: memoryview(bytearray(size)),
            runtime=SimpleNamespace(
                runtimeGetVersion=lambda: 13020, memGetInfo=lambda: (1000, 4000)
            ),
            cublas=SimpleNamespace(getVersion=lambda handle: 130100 + handle),
            device=SimpleNamespace(get_cublas_handle=lambda: 7),
        )

    def asarray(self, values: Any) -> DeviceArray:
        self._call("asarray")
        return np.array(values).view(DeviceArray)

    def asnumpy(self, array: DeviceArray) -> np.ndarray[Any, Any]:
        _assert_on_device(array)
        return np.array(array.view(np.ndarray))

    def array(self, value: Any, dtype: Any) -> DeviceArray:
        return np.array(value, dtype).view(DeviceArray)

    def ones(self, shape: Any, dtype: Any) -> DeviceArray:
        return np.ones(shape, dtype).view(DeviceArray)

    def zeros_like(self, array: DeviceArray) -> DeviceArray:
        _assert_on_device(array)
        return np.zeros_like(array)

    def RawKernel(self, source: str, name: str) -> Any:  # noqa: N802 CuPy's name
        assert f"void {name}(" in source

        def launch(grid: tuple[int], block: tuple[int], arguments: tuple[Any, ...]) -> None:
            assert grid == block == (1,)
            (cycles,) = arguments
            assert isinstance(cycles, np.int64)
            self.milliseconds += float(cycles) / 1e6

        return launch

    def _call(self, name: str) -> None:
        self.calls[name] += 1


class _Event:
    def __init__(self, cupy: FakeCupy, disable_timing: bool) -> None:
        assert not disable_timing
        self._cupy = cupy

    def record(self) -> None:
        self.at = self._cupy.milliseconds

    def synchronize(self) -> None:
        pass


def _assert_on_device(*values: Any) -> None:
    for value in values:
        if isinstance(value, np.ndarray | np.generic) and not isinstance(value, DeviceArray):
            raise TypeError(f"Unsupported type {type(value)}")


def _as_base(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, DeviceArray) else value
