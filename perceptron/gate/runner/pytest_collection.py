"""Which benchmarks pytest finds, and what it cannot load. Part of the program: standard library and
pytest only."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any

import pytest

Job = dict[str, Any]
FIXTURE = "benchmark"
_MEASURED_BY_OTHERS = ("benchmark", "pytest-benchmark")
# A parameter's text that is longer is no name.
_LONGEST = 60


class Collection:
    """A plug-in that keeps the tests with the fixture, those ``wanted`` in their order.

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

    def pytest_configure(self, config: Any) -> None:
        """Know the marks of plug-ins that are left out or not installed."""
        for mark in ("benchmark", "flaky", "random_order", "timeout"):
            config.addinivalue_line("markers", mark + ": of a plug-in")

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
            self._reasons[collector.nodeid] = "it ended the process: " + _one_line(error)
            report = pytest.CollectReport(collector.nodeid, "failed", "it ended the process", [])
            outcome.force_result(report)

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        """Keep why a module does not load."""
        if isinstance(node, pytest.Collector):
            error = call.excinfo.value
            self._reasons[node.nodeid] = _one_line(error.__cause__ or error)

    def pytest_collectreport(self, report: Any) -> None:
        """Keep why a module skips itself, or why it does not load where nothing else said so."""
        if report.skipped and isinstance(report.longrepr, tuple):
            self._reasons[report.nodeid] = " ".join(str(report.longrepr[2]).split())[:300]
        elif report.failed:
            self._reasons.setdefault(report.nodeid, str(report.longrepr).strip()[-300:])

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Leave the benchmarks, after all plug-ins have selected and ordered."""
        benchmarks = {
            item.nodeid: item for item in items if FIXTURE in getattr(item, "fixturenames", ())
        }
        wanted = benchmarks if self._wanted is None else self._wanted
        self.items = items[:] = [benchmarks[name] for name in wanted if name in benchmarks]

    def unloadable(self) -> Iterator[Job]:
        """Yield the answers about what does not load."""
        for name, reason in self._reasons.items():
            file = name.split("::")[0]
            yield {"kind": "unloadable", "module": name, "file": file, "reason": reason}

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


def described(items: Sequence[Any], tree: str) -> Iterator[Job]:
    """Yield the answers that describe tests, one for each function with all its parameters."""
    functions: dict[str, list[Any]] = {}
    for item in items:
        functions.setdefault(_name(item), []).append(item)
    for name, own in functions.items():
        names, sets = _parameters(own)
        file, line = _position(own[0], tree)
        marker = own[0].get_closest_marker("benchmark")
        yield {
            "kind": "benchmark",
            "module": name,
            "name": name,
            "pretty_name": None,
            "group": None if marker is None else marker.kwargs.get("group"),
            "type": "time",
            "unit": "seconds",
            "param_names": names,
            "params": sets,
            "ids": [item.nodeid for item in own],
            "timeout": None,
            "cache": None,
            "cache_timeout": None,
            "file": file,
            "line": line,
        }


def _name(item: Any) -> str:
    """Return the id of the test without its parameters."""
    name: str = item.nodeid
    callspec = getattr(item, "callspec", None)
    return name if callspec is None else name.removesuffix(f"[{callspec.id}]")


def _parameters(items: Sequence[Any]) -> tuple[list[str], list[list[str]]]:
    """Return the names of a function's parameters, and their texts for each of its tests.

    These tell tests apart: where values do not, pytest's ids are the one parameter.
    """
    callspecs: list[Any] = [getattr(item, "callspec", None) for item in items]
    if callspecs == [None]:
        return [], []
    known = [callspec for callspec in callspecs if callspec is not None]
    names = list(known[0].params) if known else []
    alike = [callspec for callspec in known if set(callspec.params) == set(names)]
    sets = [_texts(callspec, names) for callspec in alike]
    if len({tuple(texts) for texts in sets}) == len(items):
        return names, sets
    return ["id"], [["" if callspec is None else callspec.id] for callspec in callspecs]


def _texts(callspec: Any, names: Sequence[str]) -> list[str]:
    """Return plain values as Python writes them, and of others what pytest calls them."""
    several = len(names) > 1
    pieces = callspec.id.split("-") if several else [callspec.id]
    plain = {name: value for name, value in callspec.params.items() if _is_plain(value)}
    place = {name: number for number, name in enumerate(names)}
    fit = len(pieces) == len(names) and not any(
        several and pieces[place[name]] != str(value) for name, value in plain.items()
    )

    def text(name: str) -> str:
        if name in plain:
            return repr(plain[name])
        return pieces[place[name]] if fit else _called(callspec, name)

    return [text(name) for name in names]


def _is_plain(value: object) -> bool:
    if isinstance(value, (str, bytes)):
        return len(value) <= _LONGEST
    return value is None or isinstance(value, (bool, int, float, complex))


def _called(callspec: Any, name: str) -> str:
    """Return the name of a class or function; of other objects the parameter's and its number."""
    known = getattr(callspec.params[name], "__name__", None)
    return known if isinstance(known, str) else f"{name}{callspec.indices.get(name, '')}"


def _position(item: Any, tree: str) -> tuple[str | None, int | None]:
    """Return the file, relative to the tree, and the line of the function."""
    function = inspect.unwrap(getattr(item, "function", None) or _nothing)
    code = getattr(function, "__code__", None)
    for file, line in (
        (None if code is None else code.co_filename, getattr(code, "co_firstlineno", None)),
        (str(item.path), None),
    ):
        inside = file and os.path.relpath(os.path.realpath(file), os.path.realpath(tree))
        if inside and function is not _nothing and not inside.startswith(".."):
            return inside, line
    return None, None


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _nothing() -> None:
    """Stand for a test that is no function."""
