"""CuPy's trainer, on a CuPy made of NumPy whose arrays refuse to meet the host's."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from perceptron.backends.cupy_backend import BACKEND
from tests.backends.conftest import PROBLEMS, broken_promises

NUMPYS_OWN = ("amax", "clip", "copyto", "exp", "negative", "reciprocal", "sign", "sqrt", "subtract")


class DeviceArray(np.ndarray[Any, Any]):
    """Raises, as CuPy does, where an array of the host is computed with."""

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **options: Any
    ) -> Any:
        assert_on_device(*inputs, *out)
        if out:
            options["out"] = tuple(map(as_base, out))
        result = getattr(ufunc, method)(*map(as_base, inputs), **options)
        return out[0] if out else np.asarray(result).view(DeviceArray)

    def take(self, indices: Any, *arguments: Any, **options: Any) -> Any:
        assert_on_device(indices)
        return as_base(self).take(as_base(indices), *arguments, **options).view(DeviceArray)

    def dot(self, other: Any, out: Any = None) -> Any:
        assert_on_device(other)
        assert out is None or (out.flags.c_contiguous and isinstance(out, DeviceArray))
        return super().dot(other, out=out)


class FakeCupy(ModuleType):
    """``calls`` counts what may cost a training time."""

    ndarray = DeviceArray

    def __init__(self) -> None:
        super().__init__("cupy")
        for name in (*NUMPYS_OWN, "tanh"):
            setattr(self, name, getattr(np, name))
        for name in ("ndarray", "asarray", "asnumpy", "array", "ones", "zeros_like"):
            setattr(self, name, getattr(self, name))  # in the module's dictionary
        self.calls: Counter[str] = Counter()
        device = SimpleNamespace(synchronize=lambda: self.calls.update(["synchronize"]))
        self.cuda = SimpleNamespace(Device=lambda: device)

    def asarray(self, values: Any) -> DeviceArray:
        self.calls.update(["asarray"])
        return np.array(values).view(DeviceArray)

    def asnumpy(self, array: DeviceArray) -> np.ndarray[Any, Any]:
        assert_on_device(array)
        return np.array(as_base(array))

    def array(self, value: Any, dtype: Any) -> DeviceArray:
        return np.array(value, dtype).view(DeviceArray)

    def ones(self, shape: Any, dtype: Any) -> DeviceArray:
        return np.ones(shape, dtype).view(DeviceArray)

    def zeros_like(self, array: DeviceArray) -> DeviceArray:
        assert_on_device(array)
        return np.zeros_like(array)


def assert_on_device(*values: Any) -> None:
    for value in values:
        if isinstance(value, np.ndarray | np.generic) and not isinstance(value, DeviceArray):
            raise TypeError(f"Unsupported type {type(value)}")


def as_base(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, DeviceArray) else value


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> FakeCupy:
    fake = FakeCupy()
    monkeypatch.setitem(sys.modules, "cupy", fake)
    return fake


@pytest.mark.parametrize("name", ["batches-adam", "batches-momentum", "several-l1", "folds-adam"])
def test_arrays_of_a_device_keep_every_promise(cupy: FakeCupy, name: str) -> None:
    """The contract of all backends; nothing is computed with what lies on the host."""
    assert broken_promises(BACKEND, PROBLEMS[name], "float32") == []


@pytest.mark.parametrize(("feed", "copies"), [("resident", 0), ("host", 2)])
def test_training_waits_for_the_device_once_and_copies_only_from_the_host(
    cupy: FakeCupy, feed: str, copies: int
) -> None:
    """Inputs and targets of each batch; resident data lie on the device beforehand."""
    trainer = BACKEND.prepare(replace(PROBLEMS["batches-adam"], feed=feed), "float32")
    cupy.calls.clear()
    trainer.queue(7)
    assert cupy.calls == Counter({"asarray": 7 * copies} if copies else {})
    trainer.train(7)
    trainer.reset()
    assert cupy.calls["synchronize"] == 2
