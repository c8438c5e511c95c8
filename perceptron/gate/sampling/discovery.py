"""A suite as one side loads it: benchmarks, versions of what they use, modules that fail."""

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
# The program's own message follows.
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
    """Whether loading took too long: this is no evidence against the module."""

    @property
    def missing(self) -> str | None:
        """The missing top-level module; None if the module fails in another way."""
        match = _MISSING.match(self.reason)
        return match[1] if match else None

    @property
    def is_suite(self) -> bool:
        """Whether the suite as a whole fails: its conftest.py, or the program that runs it."""
        return self.module in {"", "."}

    @property
    def skips(self) -> bool:
        """Whether its author skips it."""
        return self.reason.startswith("Skipped: ")

    def holds(self, module: str) -> bool:
        """Return whether the module is this one, or one inside it."""
        inside = ("::", "/") if "/" in self.module or self.module.endswith(".py") else (".", "/")
        return module == self.module or module.startswith(tuple(map(self.module.__add__, inside)))


class CannotImport(UserError):
    """The suite does not load on a tree: the failing modules, and the first one's reason."""

    def __init__(self, message: str, unloadable: Sequence[Unloadable] = ()) -> None:
        super().__init__(message)
        self.unloadable = unloadable

    @property
    def missing(self) -> str | None:
        """The top-level module that the first one lacks; None if it fails in another way."""
        return self.unloadable[0].missing if self.unloadable else None


class ImportTooLong(CannotImport):
    """The suite does not load in the time left: this is no evidence about the revisions."""


@dataclass(frozen=True)
class Discovery:
    """A suite as it loads on one side."""

    benchmarks: list[Benchmark] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    """Versions of the interpreter and of the suite's imports."""
    used: dict[str, str] = field(default_factory=dict)
    """Versions of the distributions that the suite uses, by normalized names; and of Python."""
    unloadable: list[Unloadable] = field(default_factory=list)
    modules: dict[str, str] = field(default_factory=dict)
    """The module of each benchmark, by the benchmark's key."""

    def identifier(self, benchmark: Benchmark) -> str | None:
        """Return this side's asv id of another side's benchmark; None if it lacks the parameters.

        A suite may take its parameters from the code that it measures, so the same set of
        parameters may have another index here.
        """
        ours = {same.key: same for same in self.benchmarks if same.name == benchmark.name}
        if benchmark.key in ours:
            return ours[benchmark.key].asv_id
        return None if ours else benchmark.asv_id


def discover(
    programs: Callable[[], Iterable[Answer]],
    side: Side,
    install_place: str,
    without: set[str],
) -> Discovery:
    """Return the suite that the side's ``programs`` report, until a program has walked all of it.

    A module that ends its program is added to ``without``, and the next program must not import it.
    Missing packages are installed in ``install_place``. Raises `CannotImport` if no module loads.
    """
    deadly: list[Unloadable] = []
    kind = CannotImport
    while True:
        discovery, ended, last = _walked(programs())
        if last.kind not in {"no runner", "failed", "silent", "died"}:
            break
        if last.kind == "silent":
            kind = ImportTooLong
        if "." not in ended.module:
            reason = f"{ended.reason}{_advice(ended, install_place)}"
            raise kind(f"{side.upper()} cannot be imported: {reason}", [ended])
        deadly.append(ended)
        without.add(ended.module)
    failed = [
        replace(module, reason=module.reason + _advice(module, install_place))
        for module in (*discovery.unloadable, *deadly)
    ]
    if failed and not discovery.benchmarks:
        first, *others = failed
        more = f" (and {len(others)} more fail)" if others else ""
        reason = f"{first.file}: {first.reason}{more}"
        raise kind(f"{side.upper()} cannot be imported: {reason}", failed)
    return replace(discovery, unloadable=failed)


def _walked(answers: Iterable[Answer]) -> tuple[Discovery, Unloadable, Answer]:
    """Return a program's discovery, the module in which it ended and why, and its last answer.

    Outside of all modules the suite itself ended it.
    """
    discovery, suite = Discovery(), Unloadable("", "", "")
    current, last = suite, Answer(kind="end")
    for last in answers:
        if last.kind == "start":
            current = _unloadable(last)
        elif last.kind == "benchmark":
            for benchmark in _benchmarks(last.content):
                discovery.benchmarks.append(benchmark)
                discovery.modules[benchmark.key] = last.content.get("module", "")
        elif last.kind == "unloadable":
            discovery.unloadable.append(_unloadable(last))
        elif last.kind == "environment":
            current = suite
            discovery.versions.update(last.content["versions"])
            discovery.used.update(last.content["used"])
    reason = (last.reason or last.kind).removeprefix(_OF_PYTEST)
    return discovery, replace(current, reason=reason, late=last.kind == "silent"), last


def _advice(failed: Unloadable, install_place: str) -> str:
    if failed.missing is not None:
        return f"; install it in {install_place}"
    if _MISSING_PART.match(failed.reason):
        return "; if it has to be built, compare with --build or --installed"
    return ""


def _unloadable(answer: Answer) -> Unloadable:
    module, file = answer.content.get("module", ""), answer.content.get("file", "")
    return Unloadable(module, file, answer.reason or "it ends the program")


def _benchmarks(content: dict[str, Any]) -> Iterator[Benchmark]:
    """Yield a benchmark for each set of parameters."""
    fields = {name: content[name] for name in Benchmark.__struct_fields__ if name in content}
    fields |= {"timeout": content.get("timeout") or 60.0, "file": own_file(content.get("file"))}
    sets: list[list[str]] = content["params"]
    for index, params in enumerate(sets) if sets else [(None, [])]:
        yield Benchmark(**{**fields, "params": params, "index": index})
