"""The suite of both revisions: the benchmarks to compare, and the modules that neither loads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.sampling.discovery import CannotImport, Discovery, ImportTooLong
from perceptron.gate.sampling.processes import START_SECONDS
from perceptron.gate.sampling.sides import Sides
from perceptron.records.block import Benchmark, Side
from perceptron.records.comparison import LeftOut, SuiteKind

_NOTHING = Discovery()
_EMPTY: dict[SuiteKind, str] = {
    "asv": "nothing in it is named time_, track_ …",
    "pytest": "no test in it uses the fixture benchmark or has the mark benchmark",
}
# The wording of `_left_out`; modules that skip themselves need no judgement.
_FAILS = re.compile(r" cannot be imported: (?!Skipped: )")


@dataclass(frozen=True)
class SuiteOfBoth:
    """HEAD's benchmarks, and BASE's in modules that HEAD does not load: these broke."""

    benchmarks: list[Benchmark]
    versions: dict[Side, dict[str, str]]
    left_out: list[LeftOut]
    """Modules that do not load on HEAD either."""
    base_error: CannotImport | None
    """Why BASE loads nothing: all benchmarks may be new."""
    modules: frozenset[str] = frozenset()
    """HEAD's modules that have benchmarks or do not load."""
    used: Mapping[Side, dict[str, str]] = field(default_factory=lambda: {"base": {}, "head": {}})
    """Versions of the distributions that the suite uses, by normalized names; and of Python."""
    gone: Sequence[Benchmark] = ()
    """Benchmarks that BASE makes of the same files and HEAD does not."""

    def choose(self, wanted: re.Pattern[str], suite: Suite) -> list[Benchmark]:
        """Return the benchmarks whose name, with or without parameters, or group matches
        ``wanted``.

        Only those of the test, function or class that the suite names, if any. Raises `UserError`
        if none matches.
        """
        count = len(self.benchmarks)
        also = f"; {self.left_out[0].reason}" if self.left_out else ""
        if not self.benchmarks:
            raise UserError(f"the suite has no benchmarks: {_EMPTY[suite.kind]}{also}")
        named = [
            benchmark for benchmark in self.benchmarks if _is_inside(benchmark.key, suite.test)
        ]
        if not named:
            raise UserError(
                f"--pytest {suite.file}: none of the {count} benchmarks of {suite.tests} has this "
                f"id: name one of pytest's, such as {self.benchmarks[0].key}{also}"
            )
        # A name imported into a second module is discovered twice by some versions of the runner.
        chosen = {
            benchmark.key: benchmark for benchmark in named if is_wanted(benchmark, wanted, suite)
        }
        if not chosen:
            raise UserError(
                f"--benchmarks {wanted.pattern}: none of the {len(named)} matches, such as "
                f"{named[0].key}{also}"
            )
        return list(chosen.values())


def is_wanted(benchmark: Benchmark, wanted: re.Pattern[str], suite: Suite) -> bool:
    """Return whether the expression matches the benchmark, and the suite's test contains it."""
    texts = (benchmark.name, benchmark.key, benchmark.group or "")
    return _is_inside(benchmark.key, suite.test) and any(map(wanted.search, texts))


def is_left_out(benchmark: Benchmark) -> bool:
    """Return whether the gate never measures the benchmark, as its documentation says."""
    return benchmark.test is None and benchmark.name.rpartition(".")[2].startswith("timeraw_")


def _is_inside(test: str, named: str) -> bool:
    """Return whether pytest runs the test when it is given ``named``; an empty text names all."""
    return not named or test == named or test.startswith((f"{named}::", f"{named}["))


def discover_both(sides: Sides, seconds_left: Callable[[], float]) -> SuiteOfBoth:
    """Discover on both sides. Raises `UserError` if neither loads, or one lacks a dependency.

    Where HEAD does not load and BASE does, BASE's benchmarks are used: all of them broke, and are
    reported. Raises `ImportTooLong` where half of the ``seconds_left`` does not suffice, or BASE
    never loads.
    """
    discoveries: dict[Side, Discovery] = {}
    errors: dict[Side, CannotImport] = {}
    both: tuple[Side, ...] = ("head", "base")
    for side in both:
        left = seconds_left()
        try:
            discoveries[side] = sides.discover(side, seconds_left)
        except ImportTooLong as error:
            if side == "base" or left < 2 * START_SECONDS:
                raise
            errors[side] = error
        except CannotImport as error:
            errors[side] = error
    if not discoveries:
        raise errors["head"]
    base, head = discoveries.get("base", _NOTHING), discoveries.get("head", _NOTHING)
    if sides.pythons["base"] != sides.pythons["head"]:
        _assert_complete(sides, errors, base, head)
    broken = list(_broken(base, head)) if "head" in discoveries else base.benchmarks
    benchmarks = [*head.benchmarks, *broken]
    names = {benchmark.name for benchmark in benchmarks}  # other parameters are reported below
    return SuiteOfBoth(
        benchmarks=benchmarks,
        versions={"base": base.versions, "head": head.versions},
        used={"base": base.used, "head": head.used},
        left_out=list(_left_out(base, head)),
        base_error=errors.get("base"),
        modules=frozenset([*head.modules.values(), *(failed.module for failed in head.unloadable)]),
        gone=[benchmark for benchmark in base.benchmarks if benchmark.name not in names],
    )


def _broken(base: Discovery, head: Discovery) -> Iterator[Benchmark]:
    """Yield BASE's benchmarks in modules that only BASE loads."""
    keys = {benchmark.key for benchmark in head.benchmarks}
    for benchmark in base.benchmarks:
        module = base.modules[benchmark.key]
        if benchmark.key not in keys and any(failed.holds(module) for failed in head.unloadable):
            yield benchmark


def _left_out(base: Discovery, head: Discovery) -> Iterator[LeftOut]:
    """Yield HEAD's modules that do not load and have no benchmarks on BASE that would report it."""
    for failed in head.unloadable:
        if not any(failed.holds(module) for module in base.modules.values()):
            reason = f"{failed.file} cannot be imported: {failed.reason}"
            yield LeftOut(benchmark=failed.module, reason=reason)
    names = {benchmark.name for benchmark in head.benchmarks}
    for benchmark in base.benchmarks:
        if benchmark.name in names and head.identifier(benchmark) is None:
            yield LeftOut(benchmark=benchmark.key, reason="HEAD has no such parameters")


def wanted_modules(left_out: Sequence[LeftOut], wanted: re.Pattern[str]) -> int:
    """Return the number of failing modules that would be part of the comparison.

    Such a module counts as one benchmark: its number of benchmarks is unknown. Under a filter only
    modules that it matches count: whether it matches benchmarks of the others is unknown.
    """
    return sum(
        any(map(wanted.search, (row.benchmark, row.benchmark.partition(".")[2])))
        for row in left_out
        if _FAILS.search(row.reason)
    )


def _assert_complete(
    sides: Sides, errors: dict[Side, CannotImport], base: Discovery, head: Discovery
) -> None:
    """Raise `UserError` where an interpreter lacks a library that the other one has.

    Such a difference is not one of the two revisions.
    """
    for error in errors.values():
        if error.missing is not None and not sides.is_of_trees(error.missing):
            raise error
    pairs: Sequence[tuple[Side, Discovery, Discovery]] = (
        ("base", base, head),
        ("head", head, base),
    )
    for side, here, there in pairs:
        other = {failed.module for failed in there.unloadable}
        for failed in here.unloadable:
            lacks = failed.missing is not None and not sides.is_of_trees(failed.missing)
            if lacks and failed.module not in other:
                raise UserError(
                    f"{side.upper()}: {failed.file} cannot be imported: {failed.reason}"
                )
