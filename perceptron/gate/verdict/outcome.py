"""The outcome of a benchmark apart from its numbers: did it run, and on which side did it fail?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from perceptron.records.block import PAIR, Block, Side, SideMeasurement

Kind = Literal["measured", "broke", "works", "inconclusive", "invalid", "left out", "skipped"]
# A benchmark that fails this often, but not always, is no evidence about a revision.
_TOO_MANY_FAILURES = 3
# A single failure may be the machine's.
_DECIDING_FAILURES = 2
# A benchmark that takes this multiple of the other side's time hangs; less may be a busy machine.
_HANGS = 5.0
# On a busy machine, a call may take this multiple of another.
FAR_SLOWER = 1.5


class Outcome(NamedTuple):
    """What became of a benchmark, apart from its numbers."""

    kind: Kind
    """``broke``: fails on HEAD only. ``works``: runs on HEAD only. ``inconclusive``: the sides
    differ, perhaps by chance. ``skipped``: its author skips it on both."""
    reason: str | None = None


def outcome(blocks: Sequence[Block]) -> Outcome:
    """Return the outcome of one benchmark from all its blocks so far.

    A benchmark breaks on one side only if it fails there every time, at least twice, and never on
    the other. Failures while counting do not count: valgrind is slow, and lacks some instructions.
    """
    blocks = _uncounted(blocks)
    base = [block.base for block in blocks]
    head = [block.head for block in blocks]
    bad_base, bad_head = _failures(base), _failures(head)
    pairs = sum(block.base.status == block.head.status == "ok" for block in blocks)
    if pairs:
        if max(len(bad_base), len(bad_head)) >= _TOO_MANY_FAILURES:
            side = "BASE" if len(bad_base) > len(bad_head) else "HEAD"
            reason = (bad_base if side == "BASE" else bad_head)[-1].reason
            kind: Kind = "invalid" if bad_base else "inconclusive"
            return Outcome(kind, f"fails now and then on {side}: {reason}")
        return Outcome("measured")
    untried = next(
        (measurement for measurement in (*base, *head) if measurement.status == "untried"), None
    )
    # Benchmarks that are too slow on base are not run on HEAD. Earlier failures there still count.
    if untried is not None and not bad_head:
        return Outcome("left out", untried.reason)
    if bad_base and bad_head:
        if all(measurement.status == "slow" for measurement in (*bad_base, *bad_head)):
            return Outcome("left out", _too_long(bad_head[-1]))
        return Outcome("invalid", f"fails on both: {bad_head[-1].reason}")
    if bad_head:
        return _failing_on_one_side("broke", "broke on HEAD", bad_head, base)
    if bad_base:
        return _failing_on_one_side("works", "works on HEAD only: on BASE", bad_base, head)
    return _skipped(base, head)


def retry(blocks: Sequence[Block]) -> bool:
    """Return whether it failed on one side only, and too seldom to decide.

    A benchmark that is too slow on base is not tried again on HEAD: that would decide nothing.
    """
    blocks = _uncounted(blocks)
    statuses = [{block.base.status, block.head.status} for block in blocks]
    if any("untried" in both or both == {"ok"} for both in statuses):
        return False
    base, head = (_failures([getattr(block, side) for block in blocks]) for side in PAIR)
    return not (base and head) and 0 < len(base + head) < _DECIDING_FAILURES


def trials(blocks: Sequence[Block]) -> list[float]:
    """Return head / base of each trial with numbers on both sides.

    The time that the benchmark's thread waited for a core is subtracted.
    """
    pairs = [
        (_own_seconds(block.base), _own_seconds(block.head))
        for block in blocks
        if block.stage == "calibration"
    ]
    return [head / base for base, head in pairs if base and head]


def _own_seconds(measurement: SideMeasurement) -> float:
    return (measurement.call_seconds or 0.0) * (1 - (measurement.waited or 0.0))


def is_far_slower_once(blocks: Sequence[Block]) -> bool:
    """Return whether HEAD took far longer in the only trial so far."""
    ratios = trials(blocks)
    return len(ratios) == 1 and ratios[0] > FAR_SLOWER


def _uncounted(blocks: Sequence[Block]) -> list[Block]:
    return [block for block in blocks if block.stage != "count"]


def _too_long(measurement: SideMeasurement) -> str:
    return f"one call is too long: {measurement.reason}; raise --budget, or its own timeout"


def _failing_on_one_side(
    kind: Kind,
    words: str,
    bad: list[SideMeasurement],
    other: list[SideMeasurement],
) -> Outcome:
    if any(measurement.status == "skipped" for measurement in other):
        return Outcome("invalid", f"skipped on one side, fails on the other: {bad[-1].reason}")
    usual = max((measurement.wall_seconds for measurement in other), default=0.0)
    if any(
        measurement.status == "slow" and measurement.wall_seconds < _HANGS * usual
        for measurement in bad
    ):
        if kind == "broke":
            message = f"{_too_long(bad[-1])} (on BASE it took {usual:.3g} s)"
            return Outcome("inconclusive", message)
        return Outcome("left out", _too_long(bad[-1]))
    if len(bad) < _DECIDING_FAILURES:
        return Outcome("measured")
    return Outcome(kind, f"{words}: {bad[-1].reason}")


def _skipped(base: list[SideMeasurement], head: list[SideMeasurement]) -> Outcome:
    sides: dict[Side, list[SideMeasurement]] = {"base": base, "head": head}
    skips = {
        side: measurement.reason
        for side, measurements in sides.items()
        for measurement in measurements
        if measurement.status == "skipped"
    }
    if len(skips) == 2:
        return Outcome("skipped", f"skipped: {skips['head']}")
    if skips:
        ((side, reason),) = skips.items()
        kind: Kind = "inconclusive" if side == "head" else "invalid"
        return Outcome(kind, f"skipped on {side.upper()} only: {reason}")
    return Outcome("measured")


def _failures(measurements: Sequence[SideMeasurement]) -> list[SideMeasurement]:
    return [measurement for measurement in measurements if measurement.status in {"failed", "slow"}]
