"""Which benchmarks pytest finds, and what it cannot load."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

import pytest

from .session import Job, ended_by, on_one_line, one_line

# Of pytest-benchmark and of pytest-codspeed: fixtures, and marks of the same names.
_NAMES = ("benchmark", "codspeed_benchmark")
_MEASURED_BY_OTHERS = ("benchmark", "pytest-benchmark")
# A parameter's text that is longer is no name.
_LONGEST = 60


class Collection:
    """A plug-in that keeps the tests that are benchmarks, those ``wanted`` in their order.

    ``begun`` is called with each file before it is imported: it is blamed if that ends the process.
    Files that are ``without`` are not looked at.
    """

    def __init__(
        self,
        begun: Callable[[str], object],
        without: Container[str],
        wanted: Sequence[str] | None = None,
    ) -> None:
        self._begun = begun
        self._without = without
        self._wanted = wanted
        self._reasons: dict[str, str] = {}
        self.items: list[Any] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: Any) -> None:
        """Take pytest-benchmark out, whose options stay known: projects may read them."""
        for name in _MEASURED_BY_OTHERS:
            if session.config.pluginmanager.hasplugin(name):
                session.config.pluginmanager.unregister(name=name)

    def pytest_ignore_collect(self, collection_path: Any, config: Any) -> bool | None:
        """Leave out what ended the process before."""
        inside = os.path.relpath(str(collection_path), str(config.rootpath))
        return True if inside.replace(os.sep, "/") in self._without else None

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> Iterator[None]:
        """Say which module is imported next; one that exits costs only itself."""
        if isinstance(collector, pytest.Module):
            self._begun(collector.nodeid)
        outcome: Any = yield
        error = None if outcome.excinfo is None else outcome.excinfo[1]
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            self._reasons[collector.nodeid] = ended_by(error)
            report = pytest.CollectReport(collector.nodeid, "failed", "it ended the process", [])
            outcome.force_result(report)

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        """Keep why a module does not load."""
        if isinstance(node, pytest.Collector):
            error = call.excinfo.value
            self._reasons[node.nodeid] = one_line(error.__cause__ or error)

    def pytest_collectreport(self, report: Any) -> None:
        """Keep why a module skips itself, or why it does not load where nothing else said so."""
        if report.skipped and isinstance(report.longrepr, tuple):
            self._reasons[report.nodeid] = on_one_line(str(report.longrepr[2]))
        elif report.failed:
            self._reasons.setdefault(report.nodeid, str(report.longrepr).strip()[-300:])

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Leave the benchmarks, after all plug-ins have selected and ordered."""
        benchmarks = {
            item.nodeid: item
            for item in items
            if isinstance(item, pytest.Function) and (has_fixture(item) or mark(item))
        }
        wanted = benchmarks if self._wanted is None else self._wanted
        self.items = items[:] = [benchmarks[name] for name in wanted if name in benchmarks]

    def answers(self, tree: str) -> Iterator[Job]:
        """Yield the answers that describe benchmarks, and what does not load."""
        for place, reason in self._reasons.items():
            in_file = {"module": place, "file": place.split("::")[0]}
            yield {"kind": "unloadable", "reason": reason, **in_file}
        for item in self.items:
            callspec = getattr(item, "callspec", None)
            params = {} if callspec is None else callspec.params
            name = item.nodeid if callspec is None else item.nodeid.removesuffix(f"[{callspec.id}]")
            file, line = _position(item, tree)
            marked = mark(item)
            yield {
                "kind": "benchmark",
                "module": name,
                "name": name,
                "test": item.nodeid,
                "group": None if marked is None else marked.kwargs.get("group"),
                "type": "time",
                "unit": "seconds",
                "param_names": list(params),
                "params": [[_text(callspec, parameter) for parameter in params]] if params else [],
                "file": file,
                "line": line,
            }

    def why_not(self, test: str) -> str:
        """Return why a test was not collected."""
        if test.split("::")[0] in self._without:
            return "it ended the process that imported it"
        place = test
        while place:
            if place in self._reasons:
                return self._reasons[place]
            place = place.rpartition("::" if "::" in place else "/")[0]
        return self._reasons.get(".") or self._reasons.get("") or "pytest does not find it here"


def has_fixture(item: Any) -> bool:
    """Return whether a test is given what measures a part of it."""
    return not {*_NAMES}.isdisjoint(item.fixturenames)


def mark(item: Any) -> Any:
    """Return the mark of a benchmark, or None. Without the fixture it is measured whole."""
    return next(filter(None, map(item.get_closest_marker, _NAMES)), None)


def _text(callspec: Any, parameter: str) -> str:
    """Return a plain value as Python writes it, else about what pytest calls it by itself."""
    value = callspec.params[parameter]
    if isinstance(value, (str, bytes)) and len(value) <= _LONGEST:
        return repr(value)
    if value is None or isinstance(value, (bool, int, float, complex)):
        return repr(value)
    known = getattr(value, "__name__", None)
    return known if isinstance(known, str) else f"{parameter}{callspec.indices.get(parameter, '')}"


def _position(item: Any, tree: str) -> tuple[str | None, int | None]:
    """Return the file, relative to the tree, and the line of the function."""
    code = getattr(inspect.unwrap(item.function), "__code__", None)
    written = [] if code is None else [(code.co_filename, code.co_firstlineno)]
    for file, line in (*written, (str(item.path), None)):
        inside = os.path.relpath(os.path.realpath(file), os.path.realpath(tree))
        if not inside.startswith(".."):
            return inside, line
    return None, None
