"""What one arm tells of its suite: benchmarks, versions of what they use, modules that fail."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import own_file
from perceptron.gate.sampling.processes import Answer
from perceptron.records.block import Arm, Benchmark

_MISSING = re.compile(r"ModuleNotFoundError: No module named '([^'.]+)'")
# What it says itself follows.
_OF_PYTEST = "PytestError: "
_MISSING_PART = re.compile(
    r"ModuleNotFoundError: No module named '[^'.]+\."
    r"|ImportError: cannot import name '\w+' from partially initialized module"
)


class CannotImport(UserError):
    """The suite does not load on a tree; ``missing`` is a module that it could not find."""

    def __init__(self, message: str, missing: str | None = None) -> None:
        super().__init__(message)
        self.missing = missing


class ImportTooLong(CannotImport):
    """The suite does not load in the time there is: that says nothing of the revisions."""


@dataclass(frozen=True)
class Unloadable:
    """A module of the suite that does not load."""

    module: str
    file: str
    """Relative to the tree."""
    reason: str

    @property
    def missing(self) -> str | None:
        """The top-level module that it misses; None if it fails in another way."""
        match = _MISSING.match(self.reason)
        return match[1] if match else None

    def holds(self, module: str) -> bool:
        """Return whether the module is this one, or one inside it."""
        inside = ("::", "/") if "/" in self.module or self.module.endswith(".py") else (".", "/")
        return module == self.module or module.startswith(tuple(map(self.module.__add__, inside)))


@dataclass(frozen=True)
class Discovery:
    """A suite as it loads on one arm."""

    benchmarks: list[Benchmark] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    """Of the interpreter and of what the suite imports."""
    unloadable: list[Unloadable] = field(default_factory=list)
    modules: dict[str, str] = field(default_factory=dict)
    """The module that each benchmark stands in, by its key."""
    imports: dict[str, float] = field(default_factory=dict)
    """Seconds that importing took, by the file."""

    def identifier(self, benchmark: Benchmark, of: Discovery) -> str | None:
        """Return by what name this arm's suite finds a benchmark ``of`` another arm's.

        A library may tell its suite what parameters there are, so the same set of them may have
        another place here. Where no text is the same (it may hold addresses) and there are as many,
        the place counts. None where there are no such parameters.
        """
        ours = {own.key: own for own in self.benchmarks if own.name == benchmark.name}
        if benchmark.key in ours:
            return ours[benchmark.key].asv_id
        theirs = {own.key for own in of.benchmarks if own.name == benchmark.name}
        same_places = len(ours) == len(theirs) and not theirs.intersection(ours)
        return benchmark.asv_id if same_places or not ours else None


class Listing:
    """Reads the answers of one arm's programs until one has walked the whole suite."""

    def __init__(self, arm: Arm, where: str) -> None:
        self._arm = arm
        self._where = where
        self._found = Discovery()
        self._deadly: list[Unloadable] = []
        self._silent = False

    def read(self, answers: Iterable[Answer]) -> str | None:
        """Return the module that ended this program, which must not be imported again; or None.

        Raises `CannotImport` if that was the suite itself.
        """
        self._found = Discovery()
        current: Unloadable | None = None
        began = time.monotonic()
        for answer in answers:
            now = time.monotonic()
            if current is not None:
                self._found.imports.setdefault(current.file, now - began)
            if answer.kind == "start":
                current, began = _unloadable(answer), now
            elif answer.kind == "benchmark":
                self._add(answer.content)
            elif answer.kind == "unloadable":
                self._found.unloadable.append(_unloadable(answer))
            elif answer.kind == "environment":
                current = None
                self._found.versions.update(answer.content["versions"])
            elif answer.kind in {"failed", "silent", "died"}:
                reason = (answer.reason or answer.kind).removeprefix(_OF_PYTEST)
                self._silent = self._silent or answer.kind == "silent"
                if current is None or "." not in current.module:
                    suite = Unloadable("", "", reason)
                    raise self._cannot_import(reason + self._advice(suite, None), suite.missing)
                self._deadly.append(Unloadable(current.module, current.file, reason))
                return current.module
        return None

    def discovery(self, no_metadata: str | None) -> Discovery:
        """Return what was found. Raises `CannotImport` if no module loads.

        ``no_metadata`` is why the project could not be given its metadata; None if it was.
        """
        found = self._found
        failed = [
            replace(own, reason=own.reason + self._advice(own, no_metadata))
            for own in (*found.unloadable, *self._deadly)
        ]
        if failed and not found.benchmarks:
            first, *others = failed
            more = f" (and {len(others)} more fail)" if others else ""
            raise self._cannot_import(f"{first.file}: {first.reason}{more}", first.missing)
        return replace(found, unloadable=failed)

    def _add(self, content: dict[str, Any]) -> None:
        for benchmark in _benchmarks(content):
            self._found.benchmarks.append(benchmark)
            self._found.modules[benchmark.key] = content.get("module", "")

    def _advice(self, failed: Unloadable, no_metadata: str | None) -> str:
        if failed.missing is not None:
            return f"; install it in {self._where}"
        if _MISSING_PART.match(failed.reason):
            return "; if it has to be built, compare with --build or --installed"
        if no_metadata is not None and "PackageNotFoundError" in failed.reason:
            return f"; its metadata cannot be made: {no_metadata}"
        return ""

    def _cannot_import(self, reason: str, missing: str | None = None) -> CannotImport:
        kind = ImportTooLong if self._silent else CannotImport
        return kind(f"{self._arm.upper()} cannot be imported: {reason}", missing)


def _unloadable(answer: Answer) -> Unloadable:
    content = answer.content
    return Unloadable(
        content.get("module", ""), content.get("file", ""), answer.reason or "it ends the program"
    )


def _benchmarks(content: dict[str, Any]) -> Iterator[Benchmark]:
    """Yield one for each set of parameters."""
    sets: list[list[str]] = content["params"]
    for index, params in enumerate(sets) if sets else [(None, [])]:
        yield Benchmark(
            name=content["name"],
            pretty_name=content["pretty_name"],
            params=params,
            param_names=content["param_names"],
            index=index,
            test=content.get("test"),
            group=content.get("group"),
            type=content["type"],
            unit=content["unit"],
            timeout=content["timeout"] or 60.0,
            cache=content["cache"],
            cache_timeout=content["cache_timeout"],
            file=own_file(content["file"]),
            line=content["line"],
        )
