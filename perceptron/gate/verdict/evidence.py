"""The verdict on a row, from its times and its counted instructions.

Counts repeat to the last digits, but include no cache misses, locks or waits; times include all of
these, and noise. So a confirmed time alone makes a row slower. Instructions that rose on every draw
make it slower unless its times decide otherwise; a rise counted on one draw alone needs its times
to agree. Equal instructions make a row unchanged, even where its times are too noisy to show a
slowdown: the row and the run say so, and a strict run leaves it open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import expm1, isfinite, log1p
from statistics import median
from typing import Literal, NamedTuple

from perceptron.gate.verdict.estimate import FEWEST, RatioEstimate, interval, p_above
from perceptron.gate.verdict.instructions import NOT_COUNTED, InstructionEvidence
from perceptron.gate.verdict.outcome import FAR_SLOWER
from perceptron.gate.verdict.rule import Rule
from perceptron.processes.waiting import LARGEST_WAIT_SHARE
from perceptron.records.comparison import Evidence, Instructions, RowVerdict


class Numbers(NamedTuple):
    """A row's numbers beside its verdict: the change, its interval, and what could be detected."""

    change: float | None = None
    low: float | None = None
    high: float | None = None
    smallest_detectable: float | None = None
    spread: float | None = None


@dataclass(frozen=True)
class Finding:
    """A row's verdict, its reason and its evidence."""

    verdict: RowVerdict
    reason: str | None = None
    evidence: Evidence = "time"
    probably_slower: bool = False
    """Whether it is inconclusive and more instructions were counted."""
    clock_undecided: bool = False
    """See `Row.clock_undecided`."""


Confirmation = Literal["confirmed", "not shown", "no time", "too few", "unsteady", "no control"]
# Why fresh blocks neither confirmed nor refuted the screen's result.
_OPEN: dict[Confirmation | None, str] = {
    "no time": "no time was left to confirm it: raise --budget",
    "too few": "too few fresh blocks gave a number",
    "unsteady": "confirmed, but base also differs from its second copy",
    "no control": "confirmed, but base's second copy gave too few numbers",
}


@dataclass(frozen=True)
class Clock:
    """The evidence of one benchmark's times."""

    ratio: RatioEstimate
    """From its fresh blocks, or its screen where there are none."""
    smallest: float | None
    """The smallest slowdown that it detects; None if that is too large to act on."""
    promoted: int
    """1 if the screen promoted it as slower, −1 as faster, 0 if not at all."""
    confirmation: Confirmation | None
    """The result of confirming what was promoted."""
    wait_share: float | None
    """See `Waits`."""
    steady: bool
    """Whether base was as fast as its second copy: else times are no evidence of a slowdown."""


def find(clock: Clock, evidence: InstructionEvidence, rule: Rule) -> Finding:
    """Return the verdict on a benchmark that has numbers on both revisions."""
    if evidence.kind == "not counted":
        evidence = replace(NOT_COUNTED, reason=evidence.reason, noise=evidence.noise)
    if clock.confirmation == "confirmed":
        basis: Evidence = "both" if evidence.direction == clock.promoted else "time"
        return Finding("slower" if clock.promoted > 0 else "faster", None, basis)
    why = _OPEN.get(clock.confirmation)
    if clock.promoted > 0 and why is not None and evidence.direction <= 0:
        return Finding("inconclusive", f"looks slower; {why}")
    return _by_count(clock, evidence, rule) or _by_time(clock, evidence, rule)


def find_without_clock(evidence: InstructionEvidence, trial: float | None = None) -> Finding:
    """Return the verdict where too few blocks gave a number.

    Equal or fewer instructions suffice for *no change*, unless HEAD took far longer even in the
    best ``trial``, which is head / base.
    """
    if evidence.instructions is None or (evidence.kind == "changed" and not evidence.direction):
        return Finding("inconclusive", no_time(evidence))
    counted = _moved(evidence, evidence.instructions)
    if evidence.direction <= 0 and trial is not None and trial > FAR_SLOWER:
        slower = f"{counted}, but {trial:.1f} times as long when it was tried"
        return Finding("inconclusive", f"{slower}: raise --budget")
    reason = f"{counted}; no time was left for the clock"
    if evidence.is_decided:
        return Finding("slower" if evidence.direction > 0 else "faster", reason, "work")
    if evidence.direction > 0:
        return _probably_slower(f"{reason}: raise --budget")
    return Finding("no change", reason, "work")


def no_time(
    evidence: InstructionEvidence, late: str = "no time was left for it: raise --budget"
) -> str:
    """Return why neither times nor counts judge it; ``late`` is the reason for missing times."""
    if evidence.reason is None:
        return late
    return f"not counted: {evidence.reason.removesuffix(': raise --budget')}; {late}"


def _by_count(clock: Clock, evidence: InstructionEvidence, rule: Rule) -> Finding | None:
    """Return the verdict of changed instructions beside the clock; None where times judge alone.

    Times must follow at least half of the change in instructions, but no further than is worth
    acting on: a rise of 20% in time does not contradict twice the instructions.
    """
    instructions, slower = evidence.instructions, evidence.direction > 0
    if instructions is None or not evidence.direction:
        return None
    ratio = replace(clock.ratio, mean=evidence.direction * clock.ratio.mean)
    size = abs(log1p(instructions.change))
    half = min(size / 2, log1p(rule.least))
    counted, clock_change = _moved(evidence, instructions), _clock_saw(clock.ratio, rule)
    verdict: RowVerdict = "slower" if slower else "faster"
    if p_above(replace(ratio, mean=-ratio.mean), -half) <= rule.contradiction:
        by_time = Finding("no change") if slower else _by_time(clock, evidence, rule)
        both = by_time.verdict == "no change"
        return replace(by_time, reason=f"{counted}, and {clock_change}") if both else by_time
    agrees = interval(ratio, rule.confidence)[0] > 0
    if not evidence.is_decided:  # inputs that were not counted may need as much less
        follows = ratio.mean >= size / 2 and p_above(ratio, 0.0) <= rule.suspicion_alpha
        agrees = clock.steady and (agrees or (follows and evidence.draws > 1))
    if agrees:
        return Finding(verdict, counted, "both")
    # A rise of this size would show at least in the estimate; faster code with more instructions,
    # such as vectorised code, would not.
    if evidence.is_decided and (ratio.mean >= half or instructions.change < rule.blind):
        return Finding(verdict, f"{counted}, and the clock does not contradict it", "work")
    if not slower:
        return Finding("no change", f"{counted}, and {clock_change}", "work")
    return _probably_slower(f"{counted}, but {clock_change}: {_STEADIER}")


def _probably_slower(reason: str | None) -> Finding:
    return Finding("inconclusive", reason, "work", probably_slower=True)


def _by_time(clock: Clock, evidence: InstructionEvidence, rule: Rule) -> Finding:
    """Return the verdict of the times alone; noise leaves no row of equal instructions open."""
    hidden = may_hide(clock.smallest, interval(clock.ratio, rule.confidence)[1], rule)
    reason = _looks_faster(clock, rule)
    if evidence.kind == "same":
        if not hidden:
            return Finding("no change", reason, "both")
        sensitivity = "too noisy here for the clock to tell"
        if clock.smallest is not None:
            sensitivity = f"the clock could have seen {100 * clock.smallest:.0f}%"
        return Finding("no change", reason or f"{_SAME}; {sensitivity}", "work")
    if hidden:
        return Finding("inconclusive", _too_noisy(clock, evidence))
    return Finding("no change", reason)


def may_hide(smallest: float | None, high: float, rule: Rule) -> bool:
    """Return whether a slowdown of ``rule.blind`` may have gone undetected.

    False where the interval of the log-ratio, up to ``high``, excludes such a slowdown.
    """
    return (smallest is None or smallest > rule.blind) and high >= log1p(rule.blind)


def by_clock_too(finding: Finding, numbers: Numbers, rule: Rule, strict: bool) -> Finding:
    """Return the finding, marked where noisy times leave the verdict to instructions alone.

    Counts include no locks, cache misses or waits, so a ``strict`` run calls that inconclusive.
    """
    if finding.evidence != "work" or finding.verdict not in {"no change", "faster"}:
        return finding
    smallest, high = numbers.smallest_detectable, numbers.high
    if high is not None and not may_hide(smallest, log1p(high), rule):
        return finding
    finding = replace(finding, clock_undecided=True)
    if not strict:
        return finding
    return replace(finding, verdict="inconclusive", reason=f"{finding.reason}: {_STEADIER}")


def within(
    finding: Finding, limit: float | None, change: float | None, instructions: Instructions | None
) -> Finding:
    """Return the finding on a row that the project allows to become slower by ``limit``."""
    rise = None if instructions is None else instructions.change
    sizes = {"time": [change], "work": [rise], "both": [change, rise]}[finding.evidence]
    largest = max((size for size in sizes if size is not None), default=None)
    slower = finding.verdict == "slower" or finding.probably_slower
    if limit is None or largest is None or largest > limit or not slower:
        return finding
    size = f"{100 * largest:.1f}%"
    growth = f"{size} more instructions" if finding.evidence == "work" else f"slower by {size}"
    return replace(
        finding,
        verdict="no change",
        reason=f"{growth}, allowed (limit {100 * limit:g}%)",
        probably_slower=False,
    )


# The level is `Rule.same_work`: the table beside it may show 0.8%.
_SAME = "same instructions within 1%"
_STEADIER = "measure on an idle machine or raise --budget"
_REPEATABLE = "give it inputs that depend neither on the time nor on os.urandom"
# Times may spread this many times as much as counts where the benchmark's own work varies.
_OF_ITS_WORK = 4.0


def _moved(evidence: InstructionEvidence, instructions: Instructions) -> str:
    """Return *5.0% more instructions*, and why that is undecided."""
    if evidence.kind == "same":
        return _SAME
    change = instructions.change
    counted = f"{100 * abs(change):.1f}% {'more' if change > 0 else 'fewer'} instructions"
    if evidence.is_decided:
        return counted
    seeds = "counted with one" if evidence.draws < 2 else "more or less of them with another"
    return f"{counted}, {seeds} random seed"


def _clock_saw(ratio: RatioEstimate, rule: Rule) -> str:
    """Return *the clock saw −0.3% [−0.9, +0.2]*."""
    change, low, high = (
        f"{100 * expm1(value):+.1f}" for value in (ratio.mean, *interval(ratio, rule.confidence))
    )
    return f"the clock saw {change}% [{low}, {high}]"


def _too_noisy(clock: Clock, evidence: InstructionEvidence) -> str:
    """Return why the row is undecided, naming instructions or waiting where they are the cause."""
    noise, wait_share = evidence.noise, clock.wait_share
    if noise is not None and clock.ratio.spread <= _OF_ITS_WORK * noise:
        return f"{evidence.reason}: {_REPEATABLE}"
    if wait_share is None or wait_share <= LARGEST_WAIT_SHARE:
        return f"too noisy here: {_STEADIER}"
    share = f"{100 * wait_share:.0f}%"
    return f"too noisy here, where it waited {share} of its time for a core: {_STEADIER}"


def _looks_faster(clock: Clock, rule: Rule) -> str | None:
    """Return why a row that looks faster is not called faster; None if it does not look faster."""
    why = _OPEN.get(clock.confirmation)
    decided = interval(clock.ratio, rule.confidence)[1] <= -log1p(rule.least)
    return f"looks faster; {why}" if why is not None and decided else None


def judge_value(pairs: Sequence[tuple[float, float]], rule: Rule) -> tuple[Numbers, Finding]:
    """Return the numbers and the verdict of a value (``track_``, ``peakmem_``, ``mem_``).

    Values are compared as they are, and more is worse. Most are equal in every process and need no
    statistics; values of 0 or below have no ratio. A value may vary from block to block with its
    random draws, which both sides share: so the two sides of each block, the ``pairs``, are
    compared. The change is their median, and its ends are the smallest and the largest; None where
    there is no ratio, 0 where nothing differs.
    """
    if have_ratios := all(base > 0 and head > 0 and isfinite(head / base) for base, head in pairs):
        moves, scale = [head / base - 1 for base, head in pairs], 1.0
    else:
        moves = [head - base for base, head in pairs]
        scale = abs(median(base for base, _ in pairs))
    middle, least, most = median(moves), min(moves), max(moves)
    # The rise that would have been a regression, as a share: then the smallest is half of the
    # largest. None for values around 0.
    smallest = max(rule.least, 1.5 * (most - least) / scale) if scale else None
    numbers = Numbers(smallest_detectable=smallest)
    if have_ratios or not any(moves):
        numbers = Numbers(middle, least, most, smallest)
    return numbers, _find_value(pairs, moves, scale, have_ratios, rule)


def _find_value(
    pairs: Sequence[tuple[float, float]],
    moves: Sequence[float],
    scale: float,
    have_ratios: bool,
    rule: Rule,
) -> Finding:
    """Return the verdict on the ``moves`` from BASE to HEAD, which are shares of ``scale``.

    All of six changes are positive by chance once in 64 times. That none is also more than twice as
    large as another happens once in 2,000 times at most, in simulated noise of several shapes.
    """
    if len(pairs) < FEWEST:
        return Finding("inconclusive", "no time was left for it: raise --budget")
    least, most = min(moves), max(moves)
    if not (least or most):
        return Finding("no change")
    if abs(median(moves)) >= rule.least * scale:
        base, head = (median(side) for side in zip(*pairs, strict=True))
        reason = None if have_ratios else f"from {base:g} to {head:g}"
        if most <= 2 * least:  # so all of them are positive
            return Finding("slower", reason)
        if least >= 2 * most:
            return Finding("faster", reason)
    if most >= rule.blind * scale:
        much = f"{most / scale:.0%} more" if scale else "more"
        return Finding("inconclusive", f"up to {much} on HEAD, but not every time")
    return Finding("no change")
