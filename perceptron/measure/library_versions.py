"""Versions of installed libraries, read from the names of their folders.

`importlib.metadata` reads and parses a file for each, which takes 5 ms for NumPy's. The name of the
folder has the version too: ``NAME-VERSION.dist-info`` (packaging.python.org, Recording installed
projects).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from platform import python_version

from perceptron.version import __version__

_ENDING = ".dist-info"
PACKAGES: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("numpy", "scipy", "torch", "jax", "jaxlib", "numba", "triton")},
    "perceptron": ("perceptron-bench",),
    "jax-cuda-plugin": ("jax-cuda13-plugin", "jax-cuda12-plugin"),
    "cupy": ("cupy", "cupy-cuda13x", "cupy-cuda12x"),
    "cublas": ("nvidia-cublas", "nvidia-cublas-cu13", "nvidia-cublas-cu12"),
    "cudnn": ("nvidia-cudnn-cu13", "nvidia-cudnn-cu12"),
    "nvidia-ml-py": ("nvidia-ml-py",),
}
"""Libraries that are recorded, and the packages of each: one for each version of CUDA."""
# The libraries beneath a library.
_BENEATH = {"jax": ("jaxlib", "jax-cuda-plugin")}


def names_beneath(modules: Iterable[str]) -> list[str]:
    """Return the names of the libraries that these modules use, with Python and this package."""
    tops = [module.partition(".")[0] for module in modules]
    beneath = [name for top in tops for name in _BENEATH.get(top, ())]
    return list(dict.fromkeys(["python", "perceptron", "numpy", *tops, *beneath]))


def versions_beneath(modules: Iterable[str]) -> dict[str, str]:
    """Return the installed versions of `names_beneath`; nothing is imported."""
    versions = {"python": python_version(), "perceptron": __version__}
    return versions | versions_of(
        {name: PACKAGES.get(name, (name,)) for name in names_beneath(modules)}
    )


def versions_of(packages: Mapping[str, Iterable[str]] = PACKAGES) -> dict[str, str]:
    """Return the version of each library of which one of these packages is installed."""
    versions: dict[str, str] = {}
    for name, brought_by in packages.items():
        for package in brought_by:
            if (version := _installed().get(_normal(package))) is not None:
                versions.setdefault(name, version)
    return versions


@lru_cache(maxsize=1)
def _installed() -> dict[str, str]:
    """Return the version of each installed package by its name, cached for the process."""
    versions: dict[str, str] = {}
    for folder in sys.path:
        with suppress(OSError):
            for entry in os.listdir(folder or "."):
                if entry.endswith(_ENDING) and "-" in entry:
                    name, version = entry[: -len(_ENDING)].split("-")[:2]
                    versions.setdefault(_normal(name), version)
    return versions


def _normal(name: str) -> str:
    """Return a package's name as the index compares it."""
    return name.lower().replace("_", "-").replace(".", "-")
