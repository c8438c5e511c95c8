"""From which installed distribution a process imported the project. Part of the program: standard
library only."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from types import ModuleType
from typing import Any

Job = dict[str, Any]


def project(names: Sequence[str], modules: Iterable[ModuleType]) -> Job | None:
    """Return the distribution of the project as far as it was imported; None if it was not.

    ``names`` are what the project may be called. The answer holds its ``name``, its ``version``,
    the ``place`` that its package was imported from, and whether that is ``editable``. A package of
    that name that belongs to no distribution has no version.
    """
    places = _places(modules)
    for distribution in _distributions(names):
        for package in _packages(distribution):
            if package in places:
                place, editable = places[package], _is_editable(distribution)
                own = editable or _is_inside(place, str(distribution.locate_file("")))
                return {
                    "name": distribution.metadata["Name"],
                    "version": distribution.version if own else None,
                    "place": place,
                    "editable": editable,
                }
    wanted = [_normal(name) for name in names]
    for package, place in places.items():
        if _normal(package) in wanted:
            return {"name": package, "version": None, "place": place, "editable": False}
    return None


def _distributions(names: Sequence[str]) -> Iterator[metadata.Distribution]:
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError, ValueError):
            yield metadata.distribution(name)


def _is_inside(path: str, folder: str) -> bool:
    return path.startswith(os.path.realpath(folder).rstrip(os.sep) + os.sep)


def _places(modules: Iterable[ModuleType]) -> dict[str, str]:
    """Return the folder of each package, and the file of each module, of the top level."""
    places: dict[str, str] = {}
    for module in list(modules):
        facts = getattr(module, "__dict__", {})
        name, file = facts.get("__name__"), facts.get("__file__")
        if not isinstance(name, str) or not isinstance(file, str) or name == "__main__":
            continue
        package, *inner = name.split(".")
        path = os.path.realpath(file)
        if inner:  # of a package without a file, its modules know the folder
            steps = len(inner) + os.path.basename(path).startswith("__init__.")
            for _ in range(steps):
                path = os.path.dirname(path)
            places.setdefault(package, path)
        else:
            is_package = os.path.basename(path).startswith("__init__.")
            places[package] = os.path.dirname(path) if is_package else path
    return places


def _packages(distribution: metadata.Distribution) -> Iterator[str]:
    """Yield the names that the distribution can be imported by, the likeliest first."""
    yield _normal(distribution.metadata["Name"]).replace("-", "_")
    yield from (distribution.read_text("top_level.txt") or "").split()
    for file in distribution.files or ():
        first = file.parts[0]
        if first.startswith(("__editable__", "_editable", "..")):
            continue
        if len(file.parts) > 1 and not first.endswith((".dist-info", ".egg-info")):
            yield first
        elif first.endswith((".py", ".so", ".pyd")):
            yield first.split(".")[0]


def _is_editable(distribution: metadata.Distribution) -> bool:
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    return bool(isinstance(origin, dict) and origin.get("dir_info", {}).get("editable"))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
