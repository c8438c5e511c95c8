"""Whose code a process imports. Part of the program: standard library only.

An editable install, a path file or an import hook may lead to another copy of the project than the
tree that is measured. So the tree is searched first, and afterwards every module is checked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_INSTALLED = ("site-packages", "dist-packages")


class TreeFirst:
    """A finder that stands before all others and finds what the tree holds.

    Folders that are no packages are left to the others: a ``docs`` in the tree must not hide one
    that is installed. Nor does it hide what belongs to the interpreter.
    """

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots = list(roots)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or name in getattr(sys, "stdlib_module_names", ()):
            return None
        spec = PathFinder.find_spec(name, self._roots, target)
        return spec if spec is not None and spec.loader is not None and spec.has_location else None


def put_first(roots: Sequence[str]) -> None:
    """Make this process import from these folders before any other."""
    sys.path[:0] = roots
    sys.meta_path.insert(0, TreeFirst(roots))


def check_origin(
    tree: str,
    others: Iterable[str],
    benchmarks: str,
    modules: Iterable[ModuleType],
    project: str = "",
) -> tuple[bool, list[str]]:
    """Return (whether code of the tree was imported, foreign modules as ``name from file``).

    The tree's benchmarks do not count as its code. A foreign module comes from one of ``others``,
    the trees and the checkout that this arm must not see. What is installed inside such a folder,
    in its virtual environment, is no part of it. The package of the ``project`` itself is foreign
    wherever else it comes from: both arms would measure one installed copy.
    """
    own = False
    foreign = []
    other_roots = [_real(folder) for folder in others]
    for module in list(modules):
        file = _file(module)
        if file is None:
            continue
        if _inside(file, _real(tree)):
            own = own or not _inside(file, _real(benchmarks))
        elif (project and module.__name__.lower() == project) or any(
            _inside(file, root) and not _installed(file, root) for root in other_roots
        ):
            foreign.append(f"{module.__name__} from {file}")
    return own, foreign


def packages_of(tree: str, modules: Iterable[ModuleType]) -> set[str]:
    """Return the top-level names of modules that come from the tree."""
    root = _real(tree)
    files = ((module.__name__, _file(module)) for module in list(modules) if _named(module))
    return {name.split(".")[0] for name, file in files if file is not None and _inside(file, root)}


def _named(module: ModuleType) -> bool:
    return isinstance(getattr(module, "__dict__", {}).get("__name__"), str)


def _file(module: ModuleType) -> str | None:
    # Not by getattr: a module that imports lazily would import now.
    facts = getattr(module, "__dict__", {})
    name = facts.get("__file__")
    if facts.get("__name__") == "__main__" or not isinstance(name, str):
        return None  # this program itself, or nothing that lies in a file
    return _real(name)


def _real(path: str) -> str:
    """Return the real path; most modules share their folder, which is resolved once."""
    folder, name = os.path.split(path)
    file = os.path.join(_real_folder(folder), name)
    return os.path.realpath(file) if os.path.islink(file) or not name else file


@cache
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _inside(file: str, folder: str) -> bool:
    return file.startswith(folder.rstrip(os.sep) + os.sep)


def _installed(file: str, root: str) -> bool:
    parts = file[len(root) :].split(os.sep)
    return any(part in _INSTALLED for part in parts) or _inside(file, _real(sys.prefix))
