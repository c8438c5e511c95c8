"""What one side tells of its suite: benchmarks, versions of what they use, modules that fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import own_file
from perceptron.gate.sampling.processes import Answer
from perceptron.records.block import Benchmark, Side

_MISSING = re.compile(r"ModuleNotFoundError: No module named '([^'.]+)'")
# What it says itself follows.
_OF_PYTEST = "PytestError: "
_MISSING_PART = re.compile(
    r"ModuleNotFoundError: No module named '[^'.]+\."
    r"|ImportError: cannot import name '\w+' from partially initialized module"
)


@dataclass(frozen=True)
class Unloadable:
    """A module of the suite that does not load."""

    module: str
    file: str
    """Relative to the tree."""
    reason: str
    late: bool = False
    """Whether it took too long, which says nothing of it."""

    @property
    def missing(self) -> str | None:
        """The top-level module that it misses; None if it fails in another way."""
        match = _MISSING.match(self.reason)
        return match[1] if match else None

    @property
    def is_suite(self) -> bool:
        """Whether it is the suite as a whole that fails: its conftest.py, or what runs it."""
        return self.module in {"", "."}

    @property
    def skips(self) -> bool:
        """Whether it is its author's wish."""
        return self.reason.startswith("Skipped: ")

    def holds(self, module: str) -> bool:
        """Return whether the module is this one, or one inside it."""
        inside = ("::", "/") if "/" in self.module or self.module.endswith(".py") else (".", "/")
        return module == self.module or module.startswith(tuple(map(self.module.__add__, inside)))


class CannotImport(UserError):
    """The suite does not load on a tree: which of its modules, and the first one's reason."""

    def __init__(self, message: str, unloadable: Sequence[Unloadable] = ()) -> None:
        super().__init__(message)
        self.unloadable = unloadable

    @property
    def missing(self) -> str | None:
        """The top-level module that the first one misses; None if it fails in another way."""
        return self.unloadable[0].missing if self.unloadable else None


class ImportTooLong(CannotImport):
    """The suite does not load in the time there is: that says nothing of the revisions."""


@dataclass(frozen=True)
class Discovery:
    """A suite as it loads on one side."""

    benchmarks: list[Benchmark] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    """Of the interpreter and of what the suite imports."""
    used: dict[str, str] = field(default_factory=dict)
    """Versions of the distributions that the suite uses, by normalized names; and of Python."""
    unloadable: list[Unloadable] = field(default_factory=list)
    modules: dict[str, str] = field(default_factory=dict)
    """The module that each benchmark stands in, by its key."""

    def identifier(self, benchmark: Benchmark) -> str | None:
        """Return by what name this side's suite finds a benchmark of another side's.

        A library may tell its suite what parameters there are, so the same set of them may have
        another place here. None where there are no such parameters.
        """
        ours = {own.key: own for own in self.benchmarks if own.name == benchmark.name}
        if benchmark.key in ours:
            return ours[benchmark.key].asv_id
        return None if ours else benchmark.asv_id


def discover(
    programs: Callable[[], Iterable[Answer]],
    side: Side,
    where: str,
    without: set[str],
) -> Discovery:
    """Return what the side's ``programs`` say of its suite, until one has walked all of it.

    A module that ends its program is added to ``without``, and must not be imported by the next
    one. What is to be installed is installed in ``where``. Raises `CannotImport` if no module
    loads.
    """
    deadly: list[Unloadable] = []
    kind = CannotImport
    while True:
        found, ended, last = _walked(programs())
        if last.kind not in {"no runner", "failed", "silent", "died"}:
            break
        if last.kind == "silent":
            kind = ImportTooLong
        if "." not in ended.module:
            reason = f"{ended.reason}{_advice(ended, where)}"
            raise kind(f"{side.upper()} cannot be imported: {reason}", [ended])
        deadly.append(ended)
        without.add(ended.module)
    failed = [
        replace(own, reason=own.reason + _advice(own, where))
        for own in (*found.unloadable, *deadly)
    ]
    if failed and not found.benchmarks:
        first, *others = failed
        more = f" (and {len(others)} more fail)" if others else ""
        reason = f"{first.file}: {first.reason}{more}"
        raise kind(f"{side.upper()} cannot be imported: {reason}", failed)
    return replace(found, unloadable=failed)


def _walked(answers: Iterable[Answer]) -> tuple[Discovery, Unloadable, Answer]:
    """Return what a program found, in which module it ended and why, and its last answer.

    Outside of all modules it was the suite itself.
    """
    found, suite = Discovery(), Unloadable("", "", "")
    current, last = suite, Answer(kind="end")
    for last in answers:
        if last.kind == "start":
            current = _unloadable(last)
        elif last.kind == "benchmark":
            for benchmark in _benchmarks(last.content):
                found.benchmarks.append(benchmark)
                found.modules[benchmark.key] = last.content.get("module", "")
        elif last.kind == "unloadable":
            found.unloadable.append(_unloadable(last))
        elif last.kind == "environment":
            current = suite
            found.versions.update(last.content["versions"])
            found.used.update(last.content["used"])
    reason = (last.reason or last.kind).removeprefix(_OF_PYTEST)
    return found, replace(current, reason=reason, late=last.kind == "silent"), last


def _advice(failed: Unloadable, where: str) -> str:
    if failed.missing is not None:
        return f"; install it in {where}"
    if _MISSING_PART.match(failed.reason):
        return "; if it has to be built, compare with --build or --installed"
    return ""


def _unloadable(answer: Answer) -> Unloadable:
    module, file = answer.content.get("module", ""), answer.content.get("file", "")
    return Unloadable(module, file, answer.reason or "it ends the program")


def _benchmarks(content: dict[str, Any]) -> Iterator[Benchmark]:
    """Yield one for each set of parameters."""
    told = {name: content[name] for name in Benchmark.__struct_fields__ if name in content}
    told |= {"timeout": content.get("timeout") or 60.0, "file": own_file(content.get("file"))}
    sets: list[list[str]] = content["params"]
    for index, params in enumerate(sets) if sets else [(None, [])]:
        yield Benchmark(**{**told, "params": params, "index": index})
