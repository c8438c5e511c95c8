"""A suite of pytest: its benchmarks, and how pytest is started for them under any project's
configuration."""

from __future__ import annotations

import inspect
import io
import os
import re
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import redirect_stderr
from importlib import metadata, util
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

import pytest

from .pytest_measurements import Measurements, has_fixture, mark
from .session import Job, Refused, Session, on_one_line, one_line

# They order, repeat or end tests by their own rules, or run code between them.
_UNWANTED = (
    "codspeed",
    "faulthandler",
    "flaky",
    "random_order",
    "randomly",
    "rerunfailures",
    "threadexception",
    "timeout",
    "unraisableexception",
)
_MEASURED_BY_OTHERS = ("benchmark", "pytest-benchmark")
_CONFIGURATIONS = ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
# The value of addopts in INI or TOML, up to the next field or section.
_OPTIONS = re.compile(r"^addopts\s*=(.*?)(?=^[\w.-]+\s*=|^\[|\Z)", re.MULTILINE | re.DOTALL)
# Options for importing tests, and plug-ins whose fixtures they use.
_NEEDED = re.compile(r"(?<![\w-])(-p|--import-mode)[\s=\"',]*(?!no:)([\w.]+)")
# Longer texts of parameters are not used as names.
_LONGEST = 60

if getattr(pytest, "version_tuple", (0,))[:2] < (7, 0):
    raise ImportError(f"pytest {pytest.__version__} is too old: 7 or later is needed")


class PytestSuite:
    """The tests in a folder or a file of a tree; ``send`` takes answers to be sent at once."""

    def __init__(self, job: Job, send: Callable[..., object]) -> None:
        self.folder = os.path.join(job["tree"], job["benchmarks"])
        self._tree = job["tree"]
        self._tests = os.path.join(job["tree"], job["tests"])
        self._without = job.get("without", ())
        self._folder = job["folder"]
        self._send = send
        if job.get("installed"):
            sys.meta_path.insert(0, _TestsOfTree(self._tree, self.folder))
        self.before = frozenset(sys.modules)
        """Modules that pytest and its plug-ins have imported."""
        for name in list(os.environ):
            if name == "PYTEST_ADDOPTS" or name.startswith("PYTEST_XDIST_"):
                del os.environ[name]  # the comparison itself may be run by tests

    def modules(self) -> list[ModuleType]:
        """Return the imported modules, without tests and their configuration."""
        return [module for module in list(sys.modules.values()) if not self._is_test(module)]

    def discover(self) -> Iterator[Job]:
        """Yield the answers that describe the benchmarks and the modules that do not load."""
        collection = Collection(
            lambda file: self._send(kind="start", key=file, module=file, file=file), self._without
        )
        self._pytest([self._tests, "--collect-only"], [collection])
        self.before = collection.before
        yield from collection.answers(self._tree)

    def run(self, session: Session, tasks: list[Job]) -> None:
        """Run the tasks module by module, so that a module's fixtures are set up once.

        A benchmark draws the same numbers, whatever ran before it in this process.
        """
        files: dict[str, list[Job]] = {}
        for task in tasks:
            files.setdefault(task["id"].split("::")[0], []).append(task)
        tasks = [task for together in files.values() for task in together]

        def begun(file: str) -> None:
            if file in files:
                session.start(files[file][0])
            session.seed()

        collection = Collection(begun, self._without, [task["id"] for task in tasks])
        measurements = Measurements(session, tasks)
        safe = [os.path.join(self._tree, file) for file in files if file not in self._without]
        there = [file for file in safe if os.path.exists(file)]
        try:
            if there:
                self._pytest(
                    [*there, "--continue-on-collection-errors"], [collection, measurements]
                )
        except Refused:
            if not measurements.answered:
                raise
        measurements.refuse(collection.why_not)

    def _pytest(self, arguments: Sequence[str], plugins: Sequence[object]) -> None:
        """Run pytest with the options and plug-ins of this program. Raises `Refused`."""
        problems = _Problems()
        with redirect_stderr(problems):
            code = pytest.main([*self._options(), *arguments], plugins=[*plugins, problems])
        sys.stderr.write(problems.getvalue())
        if code in {pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR}:
            raise Refused(f"PytestError: {problems.reason()}")

    def _options(self) -> list[str]:
        """Return the options with which the tests are run.

        Only those of the project's options are kept without which tests do not load: others select,
        repeat, trace or distribute tests. Tests report themselves if they need a plug-in that is
        not installed, such as a coverage plug-in.
        """
        needed = _NEEDED.findall(_addopts(self._tree, self._tests))
        return [
            f"--rootdir={self._tree}",
            f"--confcutdir={self._tree}",
            f"--basetemp={os.path.join(self._folder, 'pytest')}",
            *("-o", "addopts="),
            *("-o", f"cache_dir={os.path.join(self._folder, 'pytest-cache')}"),
            # As written: rewritten code keeps the name of the folder it was compiled in.
            "--assert=plain",
            "--capture=no",
            "-q",
            *(f"-pno:{name}" for name in _UNWANTED),
            # Fields, marks and plug-ins that are disabled, or not installed, are no errors here.
            *("-o", "strict_config=false", "-W", "ignore::pytest.PytestConfigWarning"),
            *("-o", "strict_markers=false", "-W", "ignore::pytest.PytestUnknownMarkWarning"),
            *("-o", "required_plugins="),
            *(
                word
                for option in needed
                for word in option
                if option[0] != "-p" or _is_installed(option[1])
            ),
        ]

    def _is_test(self, module: ModuleType) -> bool:
        file = getattr(module, "__dict__", {}).get("__file__")
        if not isinstance(file, str):
            return False
        if os.path.basename(file) == "conftest.py":
            return True
        return os.path.realpath(file) == os.path.realpath(self.folder)


class _TestsOfTree:
    """A finder of tests that lie inside the package whose installed copy they measure.

    pytest imports them by the package's name. They, their conftest.py and modules that a build
    omits come from the tree, and the rest of the package from the installation.
    """

    def __init__(self, tree: str, tests: str) -> None:
        self._tree = os.path.join(tree, "")
        self._tests = tests

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None:
            return None
        parents = name.split(".")[:-1]
        roots = [entry for entry in sys.path if os.path.join(entry, "").startswith(self._tree)]
        folders = [os.path.join(root, *parents) for root in roots]
        spec = PathFinder.find_spec(name, folders, target)
        origin = str(spec and spec.origin)
        in_suite = os.path.join(origin, "").startswith(os.path.join(self._tests, ""))
        is_test = in_suite or name.endswith(".conftest")
        return spec if is_test or PathFinder.find_spec(name, path, target) is None else None


def _is_installed(plugin: str) -> bool:
    """Return whether pytest finds a plug-in: a module, a built-in one, or an entry point."""
    top = plugin.partition(".")[0]
    if util.find_spec(top) or util.find_spec(f"_pytest.{top}"):
        return True
    return any(
        (entry_point.group, entry_point.name) == ("pytest11", plugin)
        for distribution in metadata.distributions()
        for entry_point in distribution.entry_points
    )


def _addopts(tree: str, tests: str) -> str:
    """Return the ``addopts`` nearest to the tests."""
    folder = tests
    while folder.startswith(tree):
        for name in _CONFIGURATIONS:
            try:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    match = _OPTIONS.search(file.read())
            except (OSError, UnicodeDecodeError):
                continue
            if match is not None:
                return match[1]
        folder = os.path.dirname(folder)
    return ""


class _Problems(io.StringIO):
    """A plug-in that keeps the reason why pytest itself failed, printed on standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._stream = sys.stderr
        self._reason: str | None = None

    def pytest_sessionstart(self) -> None:
        """Leave standard error to the tests."""
        sys.stderr = self._stream

    def pytest_internalerror(self, excinfo: Any) -> None:
        """Keep the first reason."""
        self._reason = self._reason or one_line(excinfo.value)

    def reason(self) -> str:
        """Return the reason in one line."""
        if self._reason is not None:
            return self._reason
        lines = [line.strip() for line in self.getvalue().splitlines() if line.strip()]
        errors = [line for line in lines if re.match(r"E\s|ERROR:?\s", line)] or lines
        if not errors:
            return "pytest does not run, and does not say why"
        return re.sub(r"^(E|ERROR:?)\s+", "", errors[-1])[:300]


class Collection:
    """A plug-in that keeps the tests that are benchmarks, those ``wanted`` in their order.

    ``begun`` is called with each file before its import, which is blamed if it ends the process.
    Files in ``without`` are not collected.
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
        self.before: frozenset[str] = frozenset()

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        """Record the plug-ins' imports, before any file of the project is imported."""
        self.before = frozenset(sys.modules)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: Any) -> None:
        """Disable pytest-benchmark but keep its options: projects may read them."""
        for name in _MEASURED_BY_OTHERS:
            if session.config.pluginmanager.hasplugin(name):
                session.config.pluginmanager.unregister(name=name)

    def pytest_ignore_collect(self, collection_path: Any, config: Any) -> bool | None:
        """Skip files that ended an earlier process."""
        inside = os.path.relpath(str(collection_path), str(config.rootpath))
        return True if inside.replace(os.sep, "/") in self._without else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> None:
        """Report the next module: if its import ends the process, it is not loaded again."""
        if isinstance(collector, pytest.Module):
            self._begun(collector.nodeid)

    def pytest_exception_interact(self, node: Any, call: Any) -> None:
        """Keep the reason why a module does not load."""
        if isinstance(node, pytest.Collector):
            error = call.excinfo.value
            self._reasons[node.nodeid] = one_line(error.__cause__ or error)

    def pytest_collectreport(self, report: Any) -> None:
        """Keep why a module skips itself, or why it does not load where no other hook gave a
        reason."""
        if report.skipped and isinstance(report.longrepr, tuple):
            self._reasons[report.nodeid] = on_one_line(str(report.longrepr[2]))
        elif report.failed:
            self._reasons.setdefault(report.nodeid, str(report.longrepr).strip()[-300:])

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep only the benchmarks, after all plug-ins have selected and ordered tests."""
        benchmarks = {
            item.nodeid: item
            for item in items
            if isinstance(item, pytest.Function) and (has_fixture(item) or mark(item))
        }
        wanted = benchmarks if self._wanted is None else self._wanted
        self.items = items[:] = [benchmarks[name] for name in wanted if name in benchmarks]

    def answers(self, tree: str) -> Iterator[Job]:
        """Yield the answers that describe benchmarks and modules that do not load."""
        for node, reason in self._reasons.items():
            in_file = {"module": node, "file": node.split("::")[0]}
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
        node = test
        while node:
            if node in self._reasons:
                return self._reasons[node]
            node = node.rpartition("::" if "::" in node else "/")[0]
        return self._reasons.get(".") or self._reasons.get("") or "pytest does not find it here"


def _text(callspec: Any, parameter: str) -> str:
    """Return a plain value as Python writes it, other values roughly as pytest names them."""
    value = callspec.params[parameter]
    if isinstance(value, (str, bytes)) and len(value) <= _LONGEST:
        return repr(value)
    if value is None or isinstance(value, (bool, int, float, complex)):
        return repr(value)
    name = getattr(value, "__name__", None)
    return name if isinstance(name, str) else f"{parameter}{callspec.indices.get(parameter, '')}"


def _position(item: Any, tree: str) -> tuple[str | None, int | None]:
    """Return the file, relative to the tree, and the line of the function."""
    code = getattr(inspect.unwrap(item.function), "__code__", None)
    written = [] if code is None else [(code.co_filename, code.co_firstlineno)]
    for file, line in (*written, (str(item.path), None)):
        inside = os.path.relpath(os.path.realpath(file), os.path.realpath(tree))
        if not inside.startswith(".."):
            return inside, line
    return None, None
