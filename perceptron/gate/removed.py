"""Benchmarks that BASE has and HEAD lacks: an unmeasured benchmark is never called clean.

HEAD's suite serves both revisions. A benchmark that was deleted, renamed or moved out of it is not
measured: deleting it would hide a slowdown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.sampling.discover_both import SuiteOfBoth, is_left_out, is_wanted
from perceptron.gate.sampling.discovery import CannotImport, Discovery, Unloadable
from perceptron.gate.sampling.sides import Sides
from perceptron.records.block import Benchmark
from perceptron.records.comparison import Comparison, rule_of


def may_differ(changed: Iterable[str], suite: Suite) -> bool:
    """Return whether BASE may have other benchmarks of its own, by the files that changed."""
    return any(map(suite.holds, changed))


@dataclass(frozen=True)
class Removed:
    """The known benchmarks of BASE that HEAD lacks."""

    keys: Sequence[str]
    """Keys of benchmarks; of a module that fails on BASE and is gone on HEAD, the module."""
    unknown: str | None = None
    """The reason why BASE's benchmarks are not known."""
    new: frozenset[str] = frozenset()
    """Benchmarks of HEAD that BASE's own suite certainly lacks."""


def removed(
    sides: Sides,
    suites: SuiteOfBoth,
    pattern: re.Pattern[str],
    other_suite: bool,
    seconds_left: Callable[[], float],
) -> Removed:
    """Return the benchmarks of BASE that match the ``pattern`` and that HEAD lacks.

    BASE's own suite is searched where it may have an ``other_suite``.
    """
    suite = sides.trees.suite
    base_suite = _base_suite(sides, seconds_left) if other_suite else _BaseSuite()
    head_keys = {benchmark.key for benchmark in suites.benchmarks}
    benchmarks = [
        benchmark.key
        for benchmark in (*suites.gone, *base_suite.discovery.benchmarks)
        if is_wanted(benchmark, pattern, suite)
        if benchmark.key not in head_keys and not is_left_out(benchmark)
    ]
    modules = [
        unloadable.module
        for unloadable in base_suite.discovery.unloadable
        if not unloadable.skips and not suite.test and pattern.search(unloadable.module)
        # A module that HEAD still has was repaired, and need not have benchmarks.
        if unloadable.module not in suites.modules and not base_suite.is_on_head(unloadable, sides)
    ]
    new = base_suite.lacks(suites.benchmarks, sides) if other_suite else frozenset()
    return Removed([*dict.fromkeys(benchmarks), *modules], base_suite.unknown, frozenset(new))


@dataclass(frozen=True)
class _BaseSuite:
    """BASE's own suite as BASE loads it, and why not all of it is known."""

    discovery: Discovery = field(default_factory=Discovery)
    benchmarks: str = ""
    """The folder of its benchmarks in BASE's tree."""
    unknown: str | None = None

    def is_on_head(self, unloadable: Unloadable, sides: Sides) -> bool:
        """Return whether HEAD's suite has this file at the same place in its folder."""
        inside = os.path.relpath(unloadable.file, self.benchmarks)
        return (sides.trees.path("head") / sides.trees.suite.benchmarks / inside).exists()

    def lacks(self, benchmarks: Iterable[Benchmark], sides: Sides) -> set[str]:
        """Return the benchmarks that it certainly lacks: no module that fails could hold them."""
        base_keys = {benchmark.key for benchmark in self.discovery.benchmarks}
        return {
            benchmark.key
            for benchmark in benchmarks
            if self.unknown is None and benchmark.key not in base_keys
            if not any(
                module.holds(sides.module(benchmark)) for module in self.discovery.unloadable
            )
        }


def _base_suite(sides: Sides, seconds_left: Callable[[], float]) -> _BaseSuite:
    """Return BASE's own suite as BASE loads it."""
    with sides.trees.own_of_base() as tree:
        suite = _suite_of_base(sides.trees.suite, tree)
        if suite is None:
            return _BaseSuite()
        if suite.kind == "asv" and not (tree / suite.benchmarks).is_dir():
            unknown = f"BASE has no {suite.benchmarks}, and no {suite.file} that says more"
            return _BaseSuite(unknown=unknown)
        try:
            discovery, failed = sides.discover_own(tree, suite, seconds_left), False
        except CannotImport as error:
            discovery, failed = Discovery(unloadable=[*error.unloadable]), True
    failures = [
        f"{unloadable.file}: {unloadable.reason}".removeprefix(": ")
        for unloadable in discovery.unloadable
        if unloadable.is_suite or unloadable.late or (failed and not unloadable.skips)
    ]
    modules = replace(
        discovery,
        unloadable=[module for module in discovery.unloadable if not module.is_suite],
    )
    return _BaseSuite(modules, suite.benchmarks, failures[0] if failures else None)


def _suite_of_base(suite: Suite, tree: Path) -> Suite | None:
    """Return BASE's suite by its own settings, else by HEAD's; None where it cannot have one.

    Its settings may be ignored by git, or lie elsewhere, and asv may not be able to read them.
    """
    with suppress(UserError):
        own_suite = suite.own(tree)
        if own_suite is not None and (
            own_suite.kind != "asv" or (tree / own_suite.benchmarks).is_dir()
        ):
            return own_suite
    return suite if suite.kind == "asv" else None


def with_removed(comparison: Comparison, removed: Removed, allowed: bool) -> Comparison:
    """Return the comparison with removed and new benchmarks; not clean unless removal is
    ``allowed``.

    The option allows it, or a rule in BASE's pyproject.toml, which cannot allow unknown benchmarks.
    """
    rows = [
        msgspec.structs.replace(row, new=True) if row.key in removed.new else row
        for row in comparison.rows
    ]
    marked = msgspec.structs.replace(comparison, removed=list(removed.keys), rows=rows)
    if allowed or comparison.verdict != "clean":
        return marked
    rules = [rule_of(key, comparison.plan.gate_rules) for key in removed.keys]
    unexplained = sum(rule.removed is None and rule.mute is None for rule in rules)
    if removed.unknown is not None:
        reason = f"BASE's own benchmarks could not be looked up: {removed.unknown}"
    elif unexplained:
        many = f"{unexplained:,} benchmark{' is' if unexplained == 1 else 's are'}"
        reason = f"{many} gone on HEAD, which may hide a slowdown"
    else:
        return marked
    reason = f"{reason}: --allow-removed accepts that"
    return msgspec.structs.replace(marked, verdict="inconclusive", reason=reason)
