from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.studies.shared.published import published_dtype


class Foreign:
    """A backend of before there was the attribute."""

    name, device, summary = "theirs", "cpu", ""
    unavailable = NumpyBackend.unavailable
    environment = NumpyBackend.environment
    prepare = NumpyBackend.prepare


def test_numpy_and_the_rungs_below_it_are_published_in_float64() -> None:
    """PyTorch computes in float32, as does what runs on a GPU."""
    doubles = {name for name in registry.BUILT_IN if published_dtype(name) == "float64"}
    assert doubles >= {"numpy", "numpy-published", "numpy-inplace", "python", "numba", "jax-cpu"}
    assert not [name for name in doubles if name.startswith("torch") or "cuda" in name]


def test_a_backend_that_does_not_say_is_published_in_float32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "load", lambda name: Foreign())
    assert published_dtype("theirs") == "float32"
