"""What counts of instructions say: is it the same work, more or less, and can it be counted?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import expm1, log, log1p
from statistics import mean
from typing import Literal

from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import Block, Reading
from perceptron.records.comparison import Work

Kind = Literal["not counted", "same", "changed", "rose", "fell"]
# In the same minute two processes that do the same execute as many instructions, but for some that
# the allocator's mood adds. Where base and head agree so closely, each is the other's second count.
AGREE = 0.001
FIRST, AGAIN, OTHER_DRAWS = 0, 1, 2
"""The rounds: the first; the same draws in another layout of memory; other draws."""


@dataclass(frozen=True)
class WorkEvidence:
    """What is known of one benchmark's work.

    ``same``: within the rule's ``same_work``. ``rose`` and ``fell``: by the rule's ``least_work``
    or more in every round. ``changed``: between, or not in every round.
    """

    kind: Kind
    work: Work | None = None
    reason: str | None = None
    """Why it could not be counted; None also where nobody tried."""

    @property
    def needs_time(self) -> bool:
        """Whether only the clock can judge it, or must agree."""
        return self.kind != "same"


NOT_COUNTED = WorkEvidence("not counted")


def work_of(blocks: Iterable[Block], rule: Rule) -> dict[str, WorkEvidence]:
    """Return what the counted blocks of each benchmark say; nothing of what was not tried."""
    by_benchmark: dict[str, list[Block]] = {}
    for block in blocks:
        if block.stage == "count":
            by_benchmark.setdefault(block.benchmark, []).append(block)
    return {key: _evidence(own, rule) for key, own in by_benchmark.items()}


def wants_again(blocks: Sequence[Block]) -> bool:
    """Return whether a first round that counted both leaves a doubt that a second one resolves."""
    first = [block for block in blocks if block.number == FIRST]
    return any(abs(_log_ratio(block)) > log1p(AGREE) for block in first if _is_counted(block))


def wants_other_draws(blocks: Sequence[Block], rule: Rule) -> bool:
    """Return whether the work differs enough that other random inputs must show it too."""
    evidence = _evidence(blocks, rule)
    return evidence.work is not None and evidence.needs_time


def _evidence(blocks: Sequence[Block], rule: Rule) -> WorkEvidence:
    counted = {block.number: block for block in blocks if _is_counted(block)}
    failed = next((reason for block in blocks if (reason := _why_not(block))), None)
    if FIRST not in counted:
        return WorkEvidence("not counted", reason=failed)
    if AGAIN not in counted and wants_again(blocks):
        return WorkEvidence("not counted", reason=failed or "there was no time to count it again")
    noise = _noise(counted[FIRST], counted.get(AGAIN))
    if noise > rule.repeatable:
        differ = f"two counts of the same differ by {100 * noise:.1f} %"
        return WorkEvidence("not counted", reason=f"not repeatable: {differ}")
    ratios = [_log_ratio(block) for block in counted.values()]
    base, head = (
        mean(_instructions(reading) for reading in readings)
        for readings in (
            [block.base for block in counted.values()],
            [block.head for block in counted.values()],
        )
    )
    work = Work(base=base, head=head, change=expm1(mean(ratios)), noise=noise)
    return WorkEvidence(_kind(ratios, noise, rule), work)


def _kind(ratios: Sequence[float], noise: float, rule: Rule) -> Kind:
    # However little work is to count: no less than what two counts of the same differ by.
    least = max(log1p(rule.least_work), log1p(noise))
    if min(ratios) >= least:
        return "rose"
    if max(ratios) <= -least:
        return "fell"
    return "same" if max(map(abs, ratios)) < log1p(rule.same_work) else "changed"


def _noise(first: Block, again: Block | None) -> float:
    """Return by how much counts of the same revision and the same draws differ."""
    if again is None:  # they agree, so each counts for the other
        return expm1(abs(_log_ratio(first)))
    return max(
        expm1(abs(log(_instructions(again.base) / _instructions(first.base)))),
        expm1(abs(log(_instructions(again.head) / _instructions(first.head)))),
    )


def _log_ratio(block: Block) -> float:
    return log(_instructions(block.head) / _instructions(block.base))


def _instructions(reading: Reading) -> float:
    return reading.instructions or 0.0


def _is_counted(block: Block) -> bool:
    return all((reading.instructions or 0.0) > 0 for reading in (block.base, block.head))


def _why_not(block: Block) -> str | None:
    for reading in (block.base, block.head):
        if reading.status != "ok":
            return reading.reason
        if (reading.instructions or 0.0) <= 0:
            return "it executes no instruction of its own process"
    return None
