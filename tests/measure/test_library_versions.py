from __future__ import annotations

import platform
from importlib.metadata import version

from perceptron import __version__
from perceptron.measure.library_versions import names_beneath, versions_beneath


def test_versions_are_those_of_the_metadata() -> None:
    """Without reading it."""
    assert versions_beneath(["msgspec", "psutil", "no_such_library"]) == {
        "python": platform.python_version(),
        "perceptron": __version__,
        "numpy": version("numpy"),
        "msgspec": version("msgspec"),
        "psutil": version("psutil"),
    }


def test_library_versions_of_module_include_dependencies() -> None:
    assert names_beneath(["torch", "torch._dynamo"]) == [
        *("python", "perceptron", "numpy", "torch")
    ]
    assert {"jax", "jaxlib"} <= set(names_beneath(["jax.numpy"]))
