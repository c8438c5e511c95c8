"""Modules of the suite that no arm can load: their benchmarks were not judged, and that counts.

Nobody knows how many benchmarks such a module holds: it stands for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil

from perceptron.gate.verdict.rule import Rule
from perceptron.records.comparison import ComparisonPlan, LeftOut, Verdict

# As `SuiteOfBoth.left_out` words it; what skips itself is not for judging.
_FAILS = re.compile(r" cannot be imported: (?!Skipped: )")


def wanted_modules(left_out: Sequence[LeftOut], wanted: re.Pattern[str]) -> int:
    """Return how many modules fail that would be part of the comparison.

    Under a filter only those that it names: of the others it is not known that it wants them.
    """
    return sum(
        any(map(wanted.search, (row.benchmark, row.benchmark.partition(".")[2])))
        for row in left_out
        if _FAILS.search(row.reason)
    )


def unjudged(modules: int, compared: int, plan: ComparisonPlan) -> int:
    """Return how many of the modules are benchmarks that ought to have been judged.

    Where only some benchmarks are ``compared``, as large a share of the modules as of these.
    """
    known = compared + len(plan.not_reached)
    return ceil(modules * compared / known) if plan.not_reached else modules


def verdict_without_rows(modules: int, plan: ComparisonPlan, rule: Rule) -> tuple[Verdict, str]:
    """Return the verdict on a run in which no benchmark is to be compared, and its reason."""
    known = len(plan.not_reached)
    if plan.changed_files and known < rule.least_judged * (known + modules):
        return "inconclusive", (
            f"only {known} of {known + modules} benchmarks could be looked at: less than "
            f"{100 * rule.least_judged:g} %"
        )
    return "clean", "no benchmark runs code that changed"
