"""Benchmarks that BASE has and HEAD has no more: what is not measured is not called clean.

HEAD's suite serves both revisions. One that was deleted, renamed or moved out of it measures
nothing any more, and whoever wants a slower HEAD to pass need only delete what would tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.sampling.discover_both import SuiteOfBoth, is_wanted
from perceptron.gate.sampling.discovery import CannotImport, Discovery
from perceptron.gate.sampling.sides import Sides
from perceptron.records.comparison import Comparison, rule_of


def may_differ(changed: Iterable[str], suite: Suite) -> bool:
    """Return whether BASE may have other benchmarks of its own, by the files that changed."""
    return any(map(suite.holds, changed))


def removed(
    sides: Sides,
    both: SuiteOfBoth,
    wanted: re.Pattern[str],
    other_suite: bool,
    seconds_left: Callable[[], float],
) -> list[str]:
    """Return the keys of BASE's benchmarks that HEAD lacks; of what does not load, the module.

    Of all that are ``wanted``; of BASE's own where it may have an ``other_suite``.
    """
    suite = sides.trees.suite
    own = _own(sides, seconds_left) if other_suite else Discovery()
    known = {benchmark.key for benchmark in both.benchmarks}
    benchmarks = [one.key for one in (*both.gone, *own.benchmarks) if is_wanted(one, wanted, suite)]
    modules = [lost.module for lost in own.unloadable if not lost.skips and not suite.test]
    return [
        *(key for key in dict.fromkeys(benchmarks) if key not in known),
        *(module for module in modules if module not in both.modules and wanted.search(module)),
    ]


def _own(sides: Sides, seconds_left: Callable[[], float]) -> Discovery:
    """Return BASE's own suite as BASE loads it."""
    with sides.trees.own_of_base() as tree:
        try:
            suite = sides.trees.suite.own(tree)
        except UserError:
            suite = None  # asv can read BASE's file as little
        if suite is None:
            return Discovery()
        try:
            return sides.discover_own(tree, suite, seconds_left)
        except CannotImport as error:
            return Discovery(unloadable=[*error.unloadable])


def with_removed(comparison: Comparison, keys: Sequence[str], allowed: bool) -> Comparison:
    """Return the comparison with what is gone; it is not clean unless all of that is ``allowed``.

    By the option, or by a rule in BASE's pyproject.toml.
    """
    rules = [rule_of(key, comparison.plan.gate_rules) for key in keys]
    held = 0 if allowed else sum(own.removed is None and own.mute is None for own in rules)
    told = replace(comparison, removed=list(keys))
    if not held or comparison.verdict != "clean":
        return told
    many = f"{held:,} benchmark{' is' if held == 1 else 's are'}"
    reason = f"{many} gone on HEAD, which may hide a slowdown: --allow-removed accepts that"
    return replace(told, verdict="inconclusive", reason=reason)
