"""A crossover as a rule to paste: one line of Python that chooses by size.

A library switches from one implementation to another at a constant that holds on every machine.
The rule's constant has the smallest worst case over the results of several machines: its regret is
the largest factor, at any size, by which the chosen implementation takes longer than the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from keyword import iskeyword
from math import exp, log
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from perceptron.numbers import count
from perceptron.questions.crossover.judge import NO_ANSWER, Crossover, Status
from perceptron.questions.crossover.verdict import axis_of
from perceptron.records.comparison_key import comparison_key
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import TIE
from perceptron.statistics.over_processes import is_this_package, threads_in_all
from perceptron.statistics.select import by_family_and_key, has_time
from perceptron.statistics.trimmed_mean import Array
from perceptron.untrusted_text import label

# Sizes at which a rule is tried, evenly spaced on a logarithmic axis.
_STEPS = 2001
# Machines that a comment names, and libraries that any backend or function may use.
_NAMED = 3
_OF_EVERY = ("numpy", "scipy")


class Rule(Struct, frozen=True, kw_only=True):
    """Which of two backends to use at which size, from the results of one machine or of several.

    ``below`` is the choice for sizes smaller than ``size``, ``above`` the choice from there up. If
    one is chosen at every size, the two are equal and ``size``, ``low`` and ``high`` None. Any
    threshold from ``low`` to ``high`` costs at most 5% more. ``regret`` is the largest factor, at
    any measured size of any machine, by which the choice takes longer than the other; 1 for none.
    """

    family: str
    incumbent: str
    challenger: str
    axis: str
    below: str
    above: str
    size: int | None
    low: int | None
    high: int | None
    regret: float
    measured: tuple[float, float]
    """The smallest and the largest size measured on all machines."""
    source: str
    """Where and when it was measured, in words."""

    def __str__(self) -> str:
        """Return the rule as a line of Python with a comment."""
        comment = f"# {self._where}; {self.source}"
        # JSON strings are Python literals too.
        below, above = (json.dumps(name, ensure_ascii=False) for name in (self.below, self.above))
        if self.size is None:
            return f"fastest = {below}  {comment}"
        name = re.sub(r"\W+", "_", self.axis)
        name = name if name.isidentifier() and not iskeyword(name) else "size"
        return f"fastest = {below} if {name} < {self.size} else {above}  {comment}"

    @property
    def _where(self) -> str:
        first, last = map(count, map(int, self.measured))
        worst = "" if self.regret < 1.005 else f", at worst {100 * (self.regret - 1):.0f}% slower"
        if self.size is None or self.low is None or self.high is None:
            return f"{self.axis} {first} to {last}{worst}"
        return f"any {self.axis} from {count(self.low)} to {count(self.high)} within 5%{worst}"


class NoRule(Struct, frozen=True, kw_only=True):
    """A pair without a rule, and the reason."""

    family: str
    incumbent: str
    challenger: str
    reason: str

    def __str__(self) -> str:
        """Return the reason as a Python comment."""
        pair = f"{self.family}, {self.incumbent} and {self.challenger}"
        return label(f"# no rule for {pair}: {self.reason}")


def rules(
    crossovers: Iterable[Crossover], rows: Iterable[Measurement], libraries: Mapping[str, str] = {}
) -> list[Rule | NoRule]:
    """Return a rule, or why there is none, for each pair of each family.

    ``rows`` are the rows of the crossovers, with their dates; ``libraries`` are versions by name.
    """
    cases = by_family_and_key(list(rows))
    pairs = grouped(
        crossovers,
        lambda crossover: (crossover.family, *sorted((crossover.incumbent, crossover.challenger))),
    )
    return [
        _rule(
            [_turned(crossover, group[0].incumbent) for crossover in group],
            [cases.get((crossover.family, comparison_key(crossover)), []) for crossover in group],
            libraries,
        )
        for group in pairs.values()
    ]


def _turned(crossover: Crossover, incumbent: str) -> Crossover:
    """Return the crossover with ``incumbent`` first: two machines may order a pair differently."""
    if crossover.incumbent == incumbent:
        return crossover
    status: dict[Status, Status] = {
        "crosses": "reverses",
        "reverses": "crosses",
        "always": "never",
        "never": "always",
    }
    return replace(
        crossover,
        incumbent=incumbent,
        challenger=crossover.incumbent,
        status=status.get(crossover.status, crossover.status),
        ratio_at=[
            replace(at, ratio=1 / at.ratio, low=None, high=None) for at in crossover.ratio_at
        ],
    )


def _rule(
    crossovers: Sequence[Crossover],
    rows: Sequence[Sequence[Measurement]],
    libraries: Mapping[str, str],
) -> Rule | NoRule:
    """Return the rule of one pair; ``rows`` holds the rows of each crossover."""
    first = crossovers[0]
    common: dict[str, Any] = {
        "family": first.family,
        "incumbent": first.incumbent,
        "challenger": first.challenger,
    }
    others = _defined_otherwise(crossovers, rows)
    answers = [
        crossover
        for crossover in crossovers
        if crossover.status not in NO_ANSWER
        and len(crossover.ratio_at) > 1
        and crossover not in others
    ]
    if not answers:
        reasons = dict.fromkeys(crossover.reason or crossover.status for crossover in crossovers)
        return NoRule(**common, reason="; ".join(reasons))
    axis = axis_of(first)
    several = next((crossover for crossover in answers if crossover.status == "multiple"), None)
    if several is not None:
        crossings = f"{len(several.crossings)} crossovers on {several.machine}"
        return NoRule(**common, reason=f"{crossings}: no single {axis} tells the two apart")
    sizes = [at.size for crossover in answers for at in crossover.ratio_at]
    is_first, threshold, regret, low, high = _best(answers)
    pair = (first.incumbent, first.challenger)
    below, above = pair if is_first else pair[::-1]
    if threshold <= min(sizes):
        below = above
    elif threshold > max(sizes):
        above = below
    is_same = below == above
    return Rule(
        **common,
        axis=label(axis),
        below=below,
        above=above,
        size=None if is_same else threshold,
        low=None if is_same else low,
        high=None if is_same else high,
        regret=regret,
        measured=(min(sizes), max(sizes)),
        source=_source(crossovers, answers, others, [*chain(*rows)], libraries),
    )


def _defined_otherwise(
    crossovers: Sequence[Crossover], rows: Sequence[Sequence[Measurement]]
) -> list[Crossover]:
    """Return the crossovers whose problem has another definition than in the newest rows."""
    every = sorted(chain(*rows), key=lambda row: row.when)
    newest = {row.problem: row.problem_digest for row in every if row.problem_digest}
    return [
        crossover
        for crossover, group in zip(crossovers, rows, strict=True)
        if any(row.problem_digest not in (None, newest.get(row.problem)) for row in group)
    ]


def _best(crossovers: Sequence[Crossover]) -> tuple[bool, int, float, int, int]:
    """Return the rule with the smallest regret.

    The tuple is: whether the incumbent is chosen below the threshold, the threshold, the regret,
    and the lowest and highest thresholds that cost at most 5% more. A threshold beyond the largest
    measured size means one choice at every size.
    """
    sizes = [at.size for crossover in crossovers for at in crossover.ratio_at]
    grid = np.exp(np.linspace(log(min(sizes)), log(max(sizes)), _STEPS))
    tried = np.append(np.unique(np.ceil(grid)), np.floor(max(sizes)) + 1)
    ratios = [_ratios(crossover, tried) for crossover in crossovers]
    best: tuple[float, bool, int, Array] | None = None
    for is_first in (True, False):
        # The loss of choosing one below each size, and the other from there up.
        sign = 1.0 if is_first else -1.0
        losses = np.max([_losses(sign * log_ratios) for log_ratios in ratios], axis=0)
        index = _middle_of_smallest(losses)
        if best is None or losses[index] < best[0] - 1e-9:
            best = (float(losses[index]), is_first, index, losses)
    assert best is not None, "two directions are tried"
    smallest, is_first, index, losses = best
    low = high = index
    allowed = smallest + TIE
    while low > 0 and losses[low - 1] <= allowed:
        low -= 1
    while high + 1 < len(losses) and losses[high + 1] <= allowed:
        high += 1
    threshold = int(tried[index])
    if len(crossovers) == 1 and (only := crossovers[0]).size is not None:
        is_first = only.status == "crosses"
        threshold = int(np.ceil(only.size))
    return is_first, threshold, exp(smallest), int(tried[low]), int(min(tried[high], max(sizes)))


def _ratios(crossover: Crossover, sizes: Array) -> Array:
    """Return the log-ratio at each size, interpolated linearly in log size; NaN outside."""
    measured = np.log([at.size for at in crossover.ratio_at])
    ratios = np.log([at.ratio for at in crossover.ratio_at])
    return np.interp(np.log(sizes), measured, ratios, left=np.nan, right=np.nan)


def _losses(ratios: Array) -> Array:
    """Return, for a threshold at each size, the largest loss at any size, as a log-ratio.

    The first backend, chosen below the threshold, loses where the log-ratio is below zero; the
    second loses where it is above. NaN, an unmeasured size, counts as no loss.
    """
    ratios = np.nan_to_num(ratios, nan=0.0)
    of_first, of_second = np.maximum(-ratios, 0.0), np.maximum(ratios, 0.0)
    before = np.concatenate([[0.0], np.maximum.accumulate(of_first)[:-1]])
    after = np.maximum.accumulate(of_second[::-1])[::-1]
    result: Array = np.maximum(before, after)
    return result


def _middle_of_smallest(losses: Array) -> int:
    """Return the middle index of the first stretch with the smallest loss."""
    smallest = np.flatnonzero(losses <= losses.min() + 1e-12)
    stretch = smallest[: int(np.argmax(np.diff(smallest, append=smallest[-1] + 2) > 1)) + 1]
    return int(stretch[len(stretch) // 2])


# --- in words -------------------------------------------------------------------------------------


def _source(
    crossovers: Sequence[Crossover],
    answers: Sequence[Crossover],
    others: Sequence[Crossover],
    rows: Sequence[Measurement],
    libraries: Mapping[str, str],
) -> str:
    """Return machine, libraries and date: ``epyc, 2 threads; numpy 2.4.6; 3 runs, 2026-12-02``.

    Machines whose crossover is undecided, or decided in part, follow.
    """
    setups = list(dict.fromkeys(map(_setup, answers)))
    more = [f"{len(setups) - _NAMED} more"] if len(setups) > _NAMED else []
    days = sorted({row.when[:10] for row in rows if has_time(row) and row.when})
    doubts = [
        f"partly decided on {crossover.machine}"
        for crossover in answers
        if crossover.decided == "partly"
    ]
    doubts += [
        f"without {crossover.machine}: another definition of the problem" for crossover in others
    ]
    doubts += [
        f"undecided on {crossover.machine}"
        for crossover in crossovers
        if crossover not in others and (crossover not in answers or crossover.decided == "no")
    ]
    runs = sum(len(crossover.sessions or ()) or 1 for crossover in answers)
    when = " to ".join(dict.fromkeys((*days[:1], *days[-1:])))
    parts = (
        " and ".join([*setups[:_NAMED], *more]),
        ", ".join(f"{name} {version}" for name, version in _versions(answers[0], libraries)),
        f"{runs} run{'s' if runs > 1 else ''}, {when}" if when else "",
        *dict.fromkeys(doubts),
    )
    return label("; ".join(filter(None, parts)))


def _setup(crossover: Crossover) -> str:
    tool = "" if is_this_package(crossover.source) else f" ({crossover.source})"
    threads = threads_in_all(crossover.threads, (crossover.incumbent, crossover.challenger))
    words = (f"{crossover.machine}{tool}", threads if crossover.threads else None, crossover.dtype)
    return ", ".join(filter(None, words))


def _versions(crossover: Crossover, libraries: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the name and version of each library that one of the two backends may use."""
    names = (crossover.incumbent, crossover.challenger)
    return [
        (library, version)
        for library, version in libraries.items()
        if library in _OF_EVERY or any(name.startswith(library) for name in names)
    ]
