from __future__ import annotations

import platform
from importlib.metadata import version

import pytest

from perceptron import __version__, library_versions
from perceptron.library_versions import names_beneath, versions_beneath


def test_versions_are_those_of_the_metadata() -> None:
    """Without reading it."""
    assert versions_beneath(["msgspec", "psutil", "no_such_library"]) == {
        "python": platform.python_version(),
        "perceptron": __version__,
        "numpy": version("numpy"),
        "msgspec": version("msgspec"),
        "psutil": version("psutil"),
    }


def test_the_suite_has_a_version_where_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a bare checkout."""
    monkeypatch.setattr(library_versions, "_installed", dict)
    assert versions_beneath(())["perceptron"] == __version__


def test_a_module_rests_on_its_library_and_on_what_that_works_with() -> None:
    assert names_beneath(["torch", "torch._dynamo"]) == [
        *("python", "perceptron", "numpy", "torch")
    ]
    assert {"jax", "jaxlib"} <= set(names_beneath(["jax.numpy"]))


@pytest.mark.parametrize("package", ["cupy", "cupy-cuda12x", "cupy-cuda13x"])
def test_any_build_of_a_library_is_found(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_versions, "_installed", lambda: {package: "13.0"})
    assert versions_beneath(["cupy"])["cupy"] == "13.0"
