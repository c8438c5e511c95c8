"""The origin of the code that a process imports.

An editable install, a path file or an import hook may lead to another copy of the project than the
measured tree. So the tree is searched first, and every module is checked afterwards.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_INSTALLED = ("site-packages", "dist-packages")
# `program`'s name for its own modules.
_PROGRAM = "_perceptron_gate."


class TreeFirst:
    """A finder that searches the tree before all other finders.

    It searches the folders of ``sys.path`` inside the tree: pytest adds some. Folders that are not
    packages are left to other finders: ``docs`` in the tree must not hide an installed ``docs``.
    Nor does the tree hide the interpreter's own modules.
    """

    def __init__(self, tree: str, roots: Sequence[str]) -> None:
        self._tree = _real(tree)
        self._roots = list(roots)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or name in getattr(sys, "stdlib_module_names", ()):
            return None
        added = [entry for entry in sys.path if is_inside(real_folder(entry) + os.sep, self._tree)]
        spec = PathFinder.find_spec(name, [*added, *self._roots], target)
        return spec if spec is not None and spec.loader is not None and spec.has_location else None


class InstalledFirst:
    """A finder that prefers installed packages to those in the tree, except its benchmarks.

    pytest puts the root of the tree first, where a package would hide the installed one.
    """

    def __init__(self, tree: str, benchmarks: str) -> None:
        self._tree = _real(tree)
        self._benchmarks = _real(benchmarks)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or name == "conftest" or name in sys.builtin_module_names:
            return None
        spec = PathFinder.find_spec(name, None, target)
        if spec is None or not self._hides(spec):
            return None
        outside = [
            entry for entry in sys.path if not is_inside(real_folder(entry) + os.sep, self._tree)
        ]
        return PathFinder.find_spec(name, outside, target)

    def _hides(self, spec: ModuleSpec) -> bool:
        origin = _real(spec.origin if spec.has_location and spec.origin else "")
        in_suite = origin == self._benchmarks or is_inside(origin, self._benchmarks)
        return is_inside(origin, self._tree) and not in_suite


def check_origin(
    tree: str, others: Iterable[str], benchmarks: str, modules: Iterable[Any], project: str = ""
) -> tuple[bool, list[str]]:
    """Return (whether code of the tree was imported, foreign modules as ``name from file``).

    The tree's benchmarks do not count as its code. A foreign module comes from one of ``others``,
    the trees and the checkout that this side must not use; packages installed inside such a folder,
    in its virtual environment, are not foreign. The package of the ``project`` is foreign wherever
    else it comes from: both sides would measure one installed copy.
    """
    from_tree = False
    foreign = []
    root, suite, other_roots = _real(tree), _real(benchmarks), list(map(_real, others))
    for name, file in imported(modules):
        if is_inside(file, root):
            from_tree = from_tree or not is_inside(file, suite)
        elif (project and name.lower() == project) or any(
            is_inside(file, other) and not _installed(file, other) for other in other_roots
        ):
            foreign.append(f"{name} from {file}")
    return from_tree, foreign


def distribution_of(names: Sequence[str], modules: Iterable[Any]) -> dict[str, Any] | None:
    """Return the distribution of the project as far as it was imported; None if it was not.

    ``names`` are the possible names of the project. The answer holds its ``name``, its ``version``,
    the ``place`` that its package was imported from, and whether that is ``editable``. A package of
    that name without a distribution has no version.
    """
    places = _places(modules)
    for name in names:
        try:
            distribution = metadata.distribution(name)
        except (metadata.PackageNotFoundError, ValueError):
            continue
        for package in filter(places.__contains__, _packages(distribution)):
            folder, editable = places[package], _is_editable(distribution)
            has_version = editable or is_inside(folder, _real(str(distribution.locate_file(""))))
            return {
                "name": distribution.metadata["Name"],
                "version": distribution.version if has_version else None,
                "place": folder,
                "editable": editable,
            }
    wanted = [normal(name) for name in names]
    for package, place in places.items():
        if normal(package) in wanted:
            return {"name": package, "version": None, "place": place, "editable": False}
    return None


def imported(modules: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and the real file of each module in a file, except this program's."""
    for module in list(modules):
        # Not by getattr: a module that imports lazily would import now.
        facts = getattr(module, "__dict__", {})
        name, file = str(facts.get("__name__")), facts.get("__file__")
        if isinstance(file, str) and name != "__main__" and not name.startswith(_PROGRAM):
            yield name, _real(file)


def _places(modules: Iterable[Any]) -> dict[str, str]:
    """Return the folder of each top-level package, and the file of each top-level module."""
    places: dict[str, str] = {}
    for name, path in imported(modules):
        package, *inner = name.split(".")
        is_package = os.path.basename(path).startswith("__init__.")
        for _ in range(len(inner) + is_package):
            path = os.path.dirname(path)
        if inner:  # of a package without a file, its modules know the folder
            places.setdefault(package, path)
        else:
            places[package] = path
    return places


def _real(path: str) -> str:
    """Return the real path; most modules share their folder, which is resolved once."""
    folder, name = os.path.split(path)
    file = os.path.join(real_folder(folder), name)
    return os.path.realpath(file) if os.path.islink(file) or not name else file


@cache
def real_folder(folder: str) -> str:
    """Return the real path of a folder."""
    return os.path.realpath(folder)


def is_inside(file: str, folder: str) -> bool:
    """Return whether the path lies below the folder."""
    return file.startswith(folder.rstrip(os.sep) + os.sep)


def _installed(file: str, root: str) -> bool:
    parts = file[len(root) :].split(os.sep)
    return any(part in _INSTALLED for part in parts) or is_inside(file, _real(sys.prefix))


def _packages(distribution: metadata.Distribution) -> Iterator[str]:
    """Yield the possible import names of the distribution, the likeliest first."""
    yield normal(distribution.metadata["Name"]).replace("-", "_")
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


def normal(name: str) -> str:
    """Return the normalized name of a distribution, equal for all its spellings."""
    return re.sub(r"[-_.]+", "-", name).lower()
