"""The suite as both arms load it: what is compared, and which of its modules nobody can load."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perceptron.errors import UserError
from perceptron.gate.checkout.selection import choose
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.discovery import CannotImport, Discovery
from perceptron.records.block import Arm, Benchmark
from perceptron.records.comparison import LeftOut

_NOTHING = Discovery()
# As `_left_out` words it; what skips itself is not for judging.
_FAILS = re.compile(r" cannot be imported: (?!Skipped: )")


@dataclass(frozen=True)
class SuiteOfBoth:
    """HEAD's benchmarks, and those of BASE that HEAD does not load: they broke."""

    benchmarks: list[Benchmark]
    versions: dict[Arm, dict[str, str]]
    left_out: list[LeftOut]
    """Modules that do not load, on HEAD either."""
    base_error: CannotImport | None
    """Why BASE loads nothing: all may be new."""

    def choose(self, wanted: re.Pattern[str], suite: Suite) -> list[Benchmark]:
        """Return the benchmarks that were asked for. Raises `UserError` if there is none."""
        try:
            return choose(self.benchmarks, wanted, suite)
        except UserError as error:
            if not self.left_out:
                raise
            raise UserError(f"{error}; {self.left_out[0].reason}") from None


def discover_both(arms: Arms) -> SuiteOfBoth:
    """Discover on both arms. Raises `UserError` if neither loads, or one lacks a dependency.

    Where HEAD does not load and BASE does, BASE's benchmarks serve: everything broke, and is to be
    reported.
    """
    found: dict[Arm, Discovery] = {}
    errors: dict[Arm, CannotImport] = {}
    both: tuple[Arm, ...] = ("head", "base")
    for arm in both:
        try:
            found[arm] = arms.discover(arm)
        except CannotImport as error:
            errors[arm] = error
    if not found:
        raise errors["head"]
    base, head = found.get("base", _NOTHING), found.get("head", _NOTHING)
    if arms.pythons["base"] != arms.pythons["head"]:
        _assert_complete(arms, errors, base, head)
    broken = list(_broken(base, head)) if "head" in found else base.benchmarks
    return SuiteOfBoth(
        benchmarks=[*head.benchmarks, *broken],
        versions={"base": base.versions, "head": head.versions},
        left_out=list(_left_out(base, head)),
        base_error=errors.get("base"),
    )


def _broken(base: Discovery, head: Discovery) -> Iterator[Benchmark]:
    """Yield BASE's benchmarks in modules that only BASE loads."""
    known = {benchmark.key for benchmark in head.benchmarks}
    for benchmark in base.benchmarks:
        module = base.modules[benchmark.key]
        if benchmark.key not in known and any(own.holds(module) for own in head.unloadable):
            yield benchmark


def _left_out(base: Discovery, head: Discovery) -> Iterator[LeftOut]:
    """Yield HEAD's modules that do not load and have no benchmarks on BASE which would say so."""
    for failed in head.unloadable:
        if not any(failed.holds(module) for module in base.modules.values()):
            reason = f"{failed.file} cannot be imported: {failed.reason}"
            yield LeftOut(benchmark=failed.module, reason=reason)
    names = {benchmark.name for benchmark in head.benchmarks}
    for benchmark in base.benchmarks:
        if benchmark.name in names and head.identifier(benchmark, base) is None:
            yield LeftOut(benchmark=benchmark.key, reason="HEAD has no such parameters")


def wanted_modules(left_out: Sequence[LeftOut], wanted: re.Pattern[str]) -> int:
    """Return how many modules fail that would be part of the comparison.

    How many benchmarks such a module holds is unknown: it stands for one. Under a filter only those
    count that it names: of the others it is not known that it wants them.
    """
    return sum(
        any(map(wanted.search, (row.benchmark, row.benchmark.partition(".")[2])))
        for row in left_out
        if _FAILS.search(row.reason)
    )


def _assert_complete(
    arms: Arms, errors: dict[Arm, CannotImport], base: Discovery, head: Discovery
) -> None:
    """Raise `UserError` where an interpreter lacks a library that the other one has.

    That says nothing of the two revisions.
    """
    for error in errors.values():
        if error.missing is not None and not arms.is_of_trees(error.missing):
            raise error
    sides: Sequence[tuple[Arm, Discovery, Discovery]] = (
        ("base", base, head),
        ("head", head, base),
    )
    for arm, here, there in sides:
        other = {failed.module for failed in there.unloadable}
        for failed in here.unloadable:
            lacks = failed.missing is not None and not arms.is_of_trees(failed.missing)
            if lacks and failed.module not in other:
                raise UserError(f"{arm.upper()}: {failed.file} cannot be imported: {failed.reason}")
