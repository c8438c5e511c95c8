"""Counted instructions as evidence: are they equal, more or fewer, and do counts repeat?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import expm1, log, log1p, sqrt
from statistics import mean, stdev
from typing import Literal

from scipy import special

from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.waits import idle_share
from perceptron.records.block import Block, SideMeasurement, by_benchmark
from perceptron.records.comparison import Instructions

Kind = Literal["not counted", "same", "changed", "rose", "fell"]
# Equal processes execute equally many instructions, except a few that depend on the memory layout.
# Where base and head agree so closely, each is the other's second count.
AGREE = 0.001
FIRST, AGAIN = 0, 1
"""The rounds with the same draws; the second has another memory layout."""
OTHER_DRAWS = (2, 3, 4)
"""The rounds with other draws, each with different ones. The first, also in another memory layout,
follows where base and head differ at all; more follow only while rounds disagree."""
# A benchmark that waits for another process or a device most of its time is not described by its
# own instructions.
_MOSTLY_IDLE = 0.5
# A loop over integers executes up to 2% more in another memory layout, and so do both revisions:
# noise of a tenth of a change does not hide it.
_SMALL = 0.1
# Smallest error of ratios of different draws: counts are not more exact.
_LEAST_ERROR = 0.0001


@dataclass(frozen=True)
class InstructionEvidence:
    """The evidence of one benchmark's counted instructions.

    ``same``: within the rule's ``same_work``. ``rose`` and ``fell``: by the rule's ``least_work``
    or more on every draw, and the draws agree. ``changed``: between these, or undecided. ``not
    counted``: with ``instructions`` only if its single count rose by the rule's ``least``, which
    must be reported unless times decide.
    """

    kind: Kind
    instructions: Instructions | None = None
    reason: str | None = None
    """Why it could not be counted; None also where counting was not tried."""
    direction: int = 0
    """1 for more, −1 for fewer: decided, or by the rule's ``least`` or more on every draw."""
    draws: int = 0
    """Number of draws that were counted."""
    noise: float | None = None
    """Difference of two equal counts, where it is too large for counting."""

    @property
    def needs_time(self) -> bool:
        """Whether only the clock can judge it, or must agree."""
        return self.kind != "same"

    @property
    def is_decided(self) -> bool:
        """Whether several draws agree on more, or on fewer."""
        return self.kind in {"rose", "fell"}


NOT_COUNTED = InstructionEvidence("not counted")


def instruction_evidence(blocks: Iterable[Block], rule: Rule) -> dict[str, InstructionEvidence]:
    """Return the evidence of each benchmark's counts; benchmarks that were not tried are absent."""
    counts = [block for block in blocks if block.stage in {"count", "calibration"}]
    return {
        key: _evidence(blocks_of_key, rule)
        for key, blocks_of_key in by_benchmark(counts).items()
        if any(block.stage == "count" for block in blocks_of_key)
    }


def wants_other_draws(blocks: Sequence[Block], rule: Rule) -> bool:
    """Return whether base and head differ so that other random inputs must be counted too.

    One such round suffices if it agrees with the first. Further ones follow if they disagree and
    each difference alone would be large enough.
    """
    counted = _counted(blocks)
    if counted.keys().isdisjoint(OTHER_DRAWS):
        return FIRST in counted and _differ(counted[FIRST])
    draws = _by_draw(counted)
    changed = _evidence(blocks, rule).kind == "changed"
    return changed and min(map(abs, draws)) >= log1p(rule.least_work)


def wants_again(blocks: Sequence[Block], rule: Rule) -> bool:
    """Return whether only another count with the same draws can show that counts repeat.

    Counts of the same revision that agree on other draws show it as well.
    """
    counted = _counted(blocks)
    first, second = counted.get(FIRST), _second(counted)
    if first is None or second is None or AGAIN in counted or not _differ(first):
        return False
    return not _repeats(_noise(first, second), _by_draw(counted), rule)


def _evidence(blocks: Sequence[Block], rule: Rule) -> InstructionEvidence:
    counted = _counted(blocks)
    counts = [block for block in blocks if block.stage == "count"]
    failed = next((reason for block in counts if (reason := _why_not(block))), None)
    if FIRST not in counted:
        return InstructionEvidence("not counted", reason=failed)
    if (idle_share(blocks) or 0.0) > _MOSTLY_IDLE:
        return InstructionEvidence(
            "not counted", reason="it waits for something else most of its time"
        )
    first, second, draws = counted[FIRST], _second(counted), _by_draw(counted)
    change = expm1(mean(draws))
    noise = _noise(first, second)
    repeats = _repeats(noise, draws, rule)
    if _differ(first) and (second is None or (not repeats and AGAIN not in counted)):
        reason = failed or "there was no time to count it again"
        return _counted_once(first, reason, rule)
    if not repeats:
        differ = f"two counts of the same differ by {100 * noise:.1f}%"
        return InstructionEvidence("not counted", reason=f"not repeatable: {differ}", noise=noise)
    base = mean(_instructions(block.base) for block in counted.values())
    head = mean(_instructions(block.head) for block in counted.values())
    instructions = Instructions(base=base, head=head, change=change, noise=noise)
    kind, direction = _kind(draws, noise, rule)
    return InstructionEvidence(kind, instructions, direction=direction, draws=len(draws))


def _counted_once(first: Block, reason: str, rule: Rule) -> InstructionEvidence:
    """Return the evidence of a single count: only a rise too large to ignore."""
    change = expm1(_log_ratio(first))
    if change < rule.least:
        return InstructionEvidence("not counted", reason=reason)
    base, head = _instructions(first.base), _instructions(first.head)
    instructions = Instructions(base=base, head=head, change=change, noise=rule.repeatable)
    return InstructionEvidence("not counted", instructions, reason, direction=1, draws=1)


def _kind(draws: Sequence[float], noise: float, rule: Rule) -> tuple[Kind, int]:
    """Return the kind and the direction of a list of log-ratios of instructions, one for each draw.

    A revision that draws one number more than the other computes on other inputs, and then a single
    ratio is arbitrary: so draws must agree, by a one-sided t-test of their mean.
    """
    if max(map(abs, draws)) < log1p(rule.same_work):
        return "same", 0
    # However small the work: at least the difference of two equal counts.
    least = max(log1p(rule.least_work), log1p(noise))
    directions: tuple[tuple[Kind, int], ...] = (("rose", 1), ("fell", -1))
    for kind, sign in directions:
        ratios = [sign * ratio for ratio in draws]
        if len(ratios) > 1 and min(ratios) >= least:
            error = max(stdev(ratios), _LEAST_ERROR) / sqrt(len(ratios))
            critical = float(special.stdtrit(len(ratios) - 1, 1 - rule.draws_alpha))
            if mean(ratios) >= critical * error:
                return kind, sign
        if min(ratios) >= log1p(rule.least):
            return "changed", sign
    return "changed", 0


def _by_draw(counted: Mapping[int, Block]) -> list[float]:
    """Return the log-ratio of each draw; the first two rounds share one."""
    first = [_log_ratio(counted[number]) for number in (FIRST, AGAIN) if number in counted]
    others = [_log_ratio(counted[number]) for number in OTHER_DRAWS if number in counted]
    return [mean(first), *others]


def _counted(blocks: Iterable[Block]) -> dict[int, Block]:
    return {
        block.number: block
        for block in blocks
        if block.stage == "count" and min(map(_instructions, (block.base, block.head))) > 0
    }


def _differ(first: Block) -> bool:
    """Return whether base and head differ by more than two equal counts do."""
    return abs(_log_ratio(first)) > log1p(AGREE)


def _second(counted: Mapping[int, Block]) -> Block | None:
    """Return the count that shows whether the first repeats: preferably one of the same draws.

    Other draws with as many instructions do as well.
    """
    return next((counted[number] for number in (AGAIN, *OTHER_DRAWS) if number in counted), None)


def _repeats(noise: float, draws: Sequence[float], rule: Rule) -> bool:
    return log1p(noise) <= max(log1p(rule.repeatable), _SMALL * abs(mean(draws)))


def _noise(first: Block, again: Block | None) -> float:
    """Return the relative difference between counts of the same revision."""
    if again is None:  # they agree, so each is the other's second count
        return expm1(abs(_log_ratio(first)))
    return max(
        expm1(abs(log(_instructions(again.base) / _instructions(first.base)))),
        expm1(abs(log(_instructions(again.head) / _instructions(first.head)))),
    )


def _log_ratio(block: Block) -> float:
    return log(_instructions(block.head) / _instructions(block.base))


def _instructions(measurement: SideMeasurement) -> float:
    return measurement.instructions or 0.0


def _why_not(block: Block) -> str | None:
    for measurement in (block.base, block.head):
        if measurement.status != "ok":
            return measurement.reason
        if _instructions(measurement) <= 0:
            return "it executes no instruction of its own process"
    return None
