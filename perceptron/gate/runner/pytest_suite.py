"""A suite of pytest, and how pytest is started for it, whatever a project asks of it."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

import pytest

from .pytest_collection import Collection
from .pytest_fixture import Benchmark
from .pytest_measurements import Measurements
from .session import Job, Refused, Session, one_line

# They order, repeat or end tests by rules of their own, or work between them.
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
_CONFIGURATIONS = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)
# Its value in INI or TOML, up to the next field or section.
_OPTIONS = re.compile(r"^addopts\s*=(.*?)(?=^[\w.-]+\s*=|^\[|\Z)", re.MULTILINE | re.DOTALL)
# Tests import the type of their fixture from these, and often nothing else.
_TYPES = {"pytest_benchmark": "fixture", "pytest_codspeed": "plugin"}

if getattr(pytest, "version_tuple", (0,))[:2] < (7, 0):
    raise ImportError(f"pytest {pytest.__version__} is too old: 7 or later is needed")


class PytestSuite:
    """The tests in a folder or a file of a tree; ``send`` takes what is to be known at once."""

    def __init__(self, job: Job, send: Callable[..., object]) -> None:
        self.folder = os.path.join(job["tree"], job["benchmarks"])
        self._tree = job["tree"]
        self._tests = os.path.join(job["tree"], job["tests"])
        self._without = job.get("without", ())
        self._folder = job["folder"]
        self._send = send
        for name in list(os.environ):
            if name == "PYTEST_ADDOPTS" or name.startswith("PYTEST_XDIST_"):
                del os.environ[name]  # the comparison itself may be run by tests
        _stand_in()
        # Without roots what is installed is measured: the tree gives the tests alone.
        only = None if job["roots"] else self.folder
        sys.meta_path.insert(0, _AsPytestImports(self._tree, only))

    def modules(self) -> list[ModuleType]:
        """Return what was imported, without tests and what configures them."""
        return [module for module in list(sys.modules.values()) if not self._is_test(module)]

    def discover(self) -> Iterator[Job]:
        """Yield the answers that describe its benchmarks, and modules that do not load."""
        collection = Collection(
            lambda file: self._send(kind="start", key=file, module=file, file=file), self._without
        )
        self._pytest([self._tests, "--collect-only"], [collection])
        yield from collection.answers(self._tree)

    def run(self, session: Session, tasks: list[Job]) -> None:
        """Run the tasks module by module, so that what a module sets up is set up once.

        A benchmark draws the same, whatever ran before it in this process.
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
        """Run pytest as this program needs it. Raises `Refused`."""
        options = _options(self._tree, self._tests, self._folder)
        problems = _Problems()
        with redirect_stderr(problems):
            code = pytest.main([*options, *arguments], plugins=[*plugins, problems])
        if code in {pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR}:
            raise Refused(f"PytestError: {problems.reason()}")

    def _is_test(self, module: ModuleType) -> bool:
        file = getattr(module, "__dict__", {}).get("__file__")
        if not isinstance(file, str):
            return False
        if os.path.basename(file) == "conftest.py":
            return True
        return os.path.realpath(file) == os.path.realpath(self.folder)


class _Problems(io.StringIO):
    """A plug-in that knows why pytest itself failed: it says so on standard error as it starts."""

    def __init__(self) -> None:
        super().__init__()
        self._stream = sys.stderr
        self._reason: str | None = None

    def write(self, text: str) -> int:
        """Write through, and keep it."""
        self._stream.write(text)
        return super().write(text)

    def fileno(self) -> int:
        """Return that of standard error."""
        return self._stream.fileno()

    def pytest_sessionstart(self) -> None:
        """Leave standard error to the tests."""
        sys.stderr = self._stream

    def pytest_internalerror(self, excinfo: Any) -> None:
        """Keep the first reason."""
        self._reason = self._reason or one_line(excinfo.value)

    def reason(self) -> str:
        """Return it in one line."""
        if self._reason is not None:
            return self._reason
        lines = [line.strip() for line in self.getvalue().splitlines() if line.strip()]
        errors = [line for line in lines if re.match(r"E\s|ERROR:?\s", line)] or lines
        if not errors:
            return "pytest does not run, and does not say why"
        return re.sub(r"^(E|ERROR:?)\s+", "", errors[-1])[:300]


class _AsPytestImports:
    """Finds what lies in the tree in the order of ``sys.path``, into which pytest puts folders.

    Before the finder that looks into the roots of the tree first: a ``conftest`` is in each folder.
    ``only`` a folder or file, and each ``conftest``, are found in the tree if that is given: pytest
    puts the root of the tree first, too, where a package would hide the one that is installed.
    """

    def __init__(self, tree: str, only: str | None = None) -> None:
        self._tree = os.path.realpath(tree)
        self._only = None if only is None else os.path.realpath(only)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or (self._only is not None and name in sys.builtin_module_names):
            return None
        spec = PathFinder.find_spec(name, None, target)
        places = [] if spec is None else _places(spec)
        if self._only is not None and not all(map(self._is_seen, places)):
            return self._elsewhere(name, target)
        if spec is None or spec.loader is None:
            return None
        return spec if any(_is_below(place, self._tree) for place in places) else None

    def _is_seen(self, place: str) -> bool:
        """Return whether imports see this file or folder."""
        if self._only is None or not _is_below(place, self._tree):
            return True
        return os.path.basename(place) == "conftest.py" or _is_below(place, self._only)

    def _elsewhere(self, name: str, target: ModuleType | None) -> ModuleSpec:
        """Find it as if the tree did not hold it. Raises ModuleNotFoundError."""
        path = [entry for entry in sys.path if self._is_seen(os.path.realpath(entry))]
        spec = PathFinder.find_spec(name, path, target)
        for finder in sys.meta_path:
            if spec is None and finder is not self and finder is not PathFinder:
                spec = finder.find_spec(name, None, target)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if spec.loader is None:  # its folders are looked for again whenever sys.path has changed
            spec.submodule_search_locations = list(spec.submodule_search_locations or ())
        return spec


def _stand_in() -> None:
    """Put a module that has the type of the fixture in the place of what is not installed."""
    for package, part in _TYPES.items():
        if importlib.util.find_spec(package) is None:
            for name in (package, f"{package}.{part}"):
                sys.modules[name] = module = ModuleType(name)
                module.__spec__ = ModuleSpec(name, None)
                vars(module)["BenchmarkFixture"] = Benchmark


def _places(spec: ModuleSpec) -> list[str]:
    """Return the file of a module, or the folders of a package that has none."""
    if spec.has_location and spec.origin is not None:
        return [os.path.realpath(spec.origin)]
    return [os.path.realpath(folder) for folder in spec.submodule_search_locations or ()]


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


def _options(tree: str, tests: str, folder: str) -> list[str]:
    """Return the options with which tests of a tree are run; ``folder`` may be written to.

    Of the project's own options those are kept without which tests do not load: others select,
    repeat, trace or distribute them.
    """
    return [
        f"--rootdir={tree}",
        f"--confcutdir={tree}",
        f"--basetemp={os.path.join(folder, 'pytest')}",
        *("-o", "addopts="),
        *("-o", f"cache_dir={os.path.join(folder, 'pytest-cache')}"),
        # As it is written: rewritten code keeps the name of the folder that it was compiled in.
        "--assert=plain",
        "--capture=no",
        "-q",
        *(f"-pno:{name}" for name in _UNWANTED),
        # Fields, marks and plug-ins that are left out, or not installed, are no mistake here.
        *("-o", "strict_config=false", "-W", "ignore::pytest.PytestConfigWarning"),
        *("-o", "strict_markers=false", "-W", "ignore::pytest.PytestUnknownMarkWarning"),
        *("-o", "required_plugins="),
        *_needed(_own_options(tree, tests)),
    ]


def _own_options(tree: str, tests: str) -> list[str]:
    """Return the words of ``addopts`` nearest to the tests."""
    folder = tests
    while folder.startswith(tree):
        for name in _CONFIGURATIONS:
            try:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    match = _OPTIONS.search(file.read())
            except (OSError, UnicodeDecodeError):
                continue
            if match is not None:
                return [word for word in re.split(r"[\s\"',\[\]]+", match[1]) if word]
        folder = os.path.dirname(folder)
    return []


def _needed(words: list[str]) -> list[str]:
    """Return those that name how tests are imported, and plug-ins whose fixtures they use."""
    needed = []
    for place, word in enumerate(words):
        following = "".join(words[place + 1 : place + 2])
        if word.startswith("--import-mode=") or re.match("-p(?!no:).", word):
            needed.append(word)
        elif word == "--import-mode" or (word == "-p" and not following.startswith("no:")):
            needed += [word, following]
    return needed
