"""Whether two functions return equal results, and whether a call changed its data."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import numpy as np

from perceptron.errors import UserError, in_one_line


def is_tensor(value: object) -> bool:
    """Return whether a value is a PyTorch tensor; does not import PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def difference(
    equal: Callable[[Any, Any], object], expected: Any, actual: Any, location: str = ""
) -> str | None:
    """Return the first difference of two results as text; None if they are equal.

    ``location``, the position of the results in larger ones, begins the text. Raises `UserError` if
    ``equal`` cannot compare them.
    """
    expected, actual = _on_host(expected), _on_host(actual)
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        if expected.keys() != actual.keys():
            return f"{location}other keys"
        parts = [(f"{key}", expected[key], actual[key]) for key in expected]
    elif isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        if len(expected) != len(actual):
            return f"{location}{len(actual)} results instead of {len(expected)}"
        parts = [
            (f"result {index}", *pair)
            for index, pair in enumerate(zip(expected, actual, strict=True))
        ]
    else:
        return _difference_of_leaves(equal, expected, actual, location)
    differences = (
        difference(equal, expected_part, actual_part, f"{location}{name}: ")
        for name, expected_part, actual_part in parts
    )
    return next(filter(None, differences), None)


def _difference_of_leaves(
    equal: Callable[[Any, Any], object], expected: Any, actual: Any, location: str
) -> str | None:
    are_numbers = all(np.asarray(value).dtype.kind in "biufc" for value in (expected, actual))
    if are_numbers and np.shape(expected) != np.shape(actual):
        return f"{location}shape {np.shape(actual)} instead of {np.shape(expected)}"
    is_default = equal is np.allclose
    try:
        if is_default and are_numbers:
            is_same = bool(np.allclose(expected, actual, equal_nan=True))
        elif is_default:
            is_same = type(expected) is type(actual) and bool(np.all(expected == actual))
        else:
            result = equal(expected, actual)
            if result is None:
                raise TypeError("it returned None")
            is_same = bool(result)
    except Exception as error:  # noqa: BLE001 the user's function may raise anything
        by = "np.allclose cannot compare" if is_default else "equal cannot compare"
        kinds = " and ".join(type(value).__name__ for value in (expected, actual))
        raise UserError(f"{location}{by} {kinds}: {in_one_line(error)}; set equal") from None
    if is_same:
        return None
    position = ""
    if are_numbers and np.ndim(expected):
        differs = ~np.isclose(expected, actual, equal_nan=True)
        differs = differs if differs.any() else np.asarray(expected != actual)
        if differs.any():
            index = tuple(map(int, np.argwhere(differs)[0]))
            position = f" at {list(index)}"
            expected, actual = expected[index], actual[index]
        else:
            expected, actual = "arrays", "other arrays"
    values = " instead of ".join(_short(value) for value in (actual, expected))
    return f"{location}{values}{position}{'; equal= sets the tolerance' if is_default else ''}"


def _short(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    text = str(value) if isinstance(value, (str, np.generic)) else repr(value)
    return text if len(text) < 40 else f"{text[:36]} …"


def _on_host(value: Any) -> Any:
    """Return a tensor, an array on a device or a list of numbers as a NumPy array."""
    if is_tensor(value):
        value = value.detach().cpu()
        value = value.to_dense() if value.is_sparse else value
        return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    if type(value).__module__.split(".")[0] == "cupy" and hasattr(value, "get"):
        return value.get()
    if isinstance(value, (list, tuple)):
        try:
            array = np.asarray(value)
        except Exception:  # noqa: BLE001 of unequal lengths, or not of numbers
            return value
        return array if array.dtype.kind in "biufc" else value
    if type(value).__module__.split(".")[0] in ("jax", "jaxlib"):
        return np.asarray(value)
    return value


def digest(data: object) -> bytes | None:
    """Return a digest of all values in ``data``; None if they cannot be pickled."""

    class Writer(pickle.Pickler):
        def persistent_id(self, value: object) -> object:
            if not is_tensor(value):
                return None
            return np.ascontiguousarray(_on_host(value)).tobytes()

    buffer = io.BytesIO()
    try:
        Writer(buffer, protocol=5).dump(data)
    except Exception:  # noqa: BLE001 pickling the user's objects may raise anything
        return None
    return sha256(buffer.getbuffer()).digest()
