"""The modules of a suite, one by one: one that fails costs only itself. Part of the program:
standard library only.

asv_runner either stops at the first import that fails or forgets which one it was.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import traceback
from collections.abc import Callable, Collection, Iterator
from types import ModuleType
from typing import Any, NamedTuple


class Found(NamedTuple):
    """A module of the suite: about to be imported, imported, or not to be imported."""

    name: str
    file: str
    begun: bool = False
    benchmarks: Any = ()
    reason: str | None = None
    """Why it does not load."""


class Walk:
    """Walks the package in a folder, with asv_runner's ``discovery``; leaves modules ``without``.

    From then on, who looks for one benchmark in the whole suite walks in the same way.
    """

    def __init__(
        self,
        discovery: Any,
        folder: str,
        one_line: Callable[[BaseException], str],
        without: Collection[str] = (),
    ) -> None:
        self._discovery = discovery
        self._one_line = one_line
        self._folder = folder
        self._without = set(without)
        self._benchmarks_of_modules = discovery.disc_benchmarks
        discovery.disc_benchmarks = self._benchmarks

    def modules(self) -> Iterator[Found]:
        """Yield each module twice: before it is imported, and when it is known what is in it."""
        yield from self._below(os.path.basename(self._folder))

    def _benchmarks(self, *_: Any, **__: Any) -> Iterator[Any]:
        for found in self.modules():
            yield from found.benchmarks

    def _below(self, name: str) -> Iterator[Found]:
        if name in self._without:
            return
        file = self._file(name)
        yield Found(name, file, begun=True)
        path: Any = ()
        try:
            module = importlib.import_module(name)
            path = getattr(module, "__path__", ())
            found = Found(name, file, benchmarks=self._of(module))
        except BaseException as error:  # noqa: BLE001 SystemExit and pytest's skip are among them
            traceback.print_exc()
            found = Found(name, file, reason=self._one_line(error))
        yield found
        for _, inner, _ in pkgutil.iter_modules(path, name + "."):
            yield from self._below(inner)

    def _of(self, module: ModuleType) -> list[Any]:
        discovery = self._discovery
        before = discovery.disc_modules
        discovery.disc_modules = lambda *_, **__: iter((module,))
        try:
            return list(self._benchmarks_of_modules(self._folder))
        finally:
            discovery.disc_modules = before

    def _file(self, name: str) -> str:
        path = os.path.join(self._folder, *name.split(".")[1:])
        return os.path.join(path, "__init__.py") if os.path.isdir(path) else path + ".py"
