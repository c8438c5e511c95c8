"""What became of a benchmark apart from its numbers: did it run, where did it break?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from perceptron.records.block import Arm, Block, Reading

Kind = Literal["measured", "broke", "works", "inconclusive", "invalid", "left out"]
# A benchmark that fails now and then is no finding about one revision, and soon no benchmark.
_TOO_MANY_FAILURES = 3
# Once may have been the machine.
_SURE_FAILURES = 2
# So many times what the other side took is a hang, and not a busy machine.
_HANGS = 5.0


@dataclass(frozen=True)
class BenchmarkOutcome:
    """``broke``: on HEAD only. ``works``: on HEAD only. ``inconclusive``: something happens on HEAD
    only, and it may be chance."""

    kind: Kind
    reason: str | None = None


def state(blocks: Sequence[Block]) -> BenchmarkOutcome:
    """Of one benchmark, from all its blocks so far.

    To break on one side only means to fail there every time, at least twice, and never on the
    other.
    """
    base = [block.base for block in blocks]
    head = [block.head for block in blocks]
    bad_base, bad_head = _bad(base), _bad(head)
    pairs = sum(one.status == two.status == "ok" for one, two in zip(base, head, strict=True))
    if pairs:
        if max(len(bad_base), len(bad_head)) >= _TOO_MANY_FAILURES:
            where = "BASE" if len(bad_base) > len(bad_head) else "HEAD"
            reason = (bad_base if where == "BASE" else bad_head)[-1].reason
            kind: Kind = "invalid" if bad_base else "inconclusive"
            return BenchmarkOutcome(kind, f"fails now and then on {where}: {reason}")
        return BenchmarkOutcome("measured")
    untried = next((each for each in (*base, *head) if each.status == "untried"), None)
    # HEAD is spared what is too slow on base. What failed there is not forgotten.
    if untried is not None and not bad_head:
        return BenchmarkOutcome("left out", untried.reason)
    if bad_base and bad_head:
        if all(each.status == "slow" for each in (*bad_base, *bad_head)):
            return BenchmarkOutcome(
                "left out", f"one call is too long: {bad_head[-1].reason}; raise --budget"
            )
        return BenchmarkOutcome("invalid", f"fails on both: {bad_head[-1].reason}")
    if bad_head:
        return _alone("broke", "broke on HEAD", bad_head, base)
    if bad_base:
        return _alone("works", "works on HEAD only: on BASE", bad_base, head)
    return _skipped(base, head)


def retry(blocks: Sequence[Block]) -> bool:
    """Whether it failed on one side only, and not yet often enough to say so."""
    pairs = any(block.base.status == block.head.status == "ok" for block in blocks)
    bad = [len(_bad([block.base for block in blocks])), len(_bad([b.head for b in blocks]))]
    return not pairs and min(bad) == 0 and 0 < max(bad) < _SURE_FAILURES


def _alone(kind: Kind, words: str, bad: list[Reading], other: list[Reading]) -> BenchmarkOutcome:
    if any(each.status == "skipped" for each in other):
        return BenchmarkOutcome(
            "invalid", f"skipped on one side, fails on the other: {bad[-1].reason}"
        )
    usual = max((each.wall_seconds for each in other), default=0.0)
    if any(each.status == "slow" and each.wall_seconds < _HANGS * usual for each in bad):
        if kind == "broke":
            told = f"HEAD took longer than BASE: {bad[-1].reason}, {usual:.3g} s on BASE"
            return BenchmarkOutcome("inconclusive", f"{told}; raise --budget")
        return BenchmarkOutcome(
            "left out", f"one call is too long: {bad[-1].reason}; raise --budget"
        )
    if len(bad) < _SURE_FAILURES:
        return BenchmarkOutcome("measured")
    return BenchmarkOutcome(kind, f"{words}: {bad[-1].reason}")


def _skipped(base: list[Reading], head: list[Reading]) -> BenchmarkOutcome:
    skips: dict[Arm, str | None] = {}
    for arm, taken in (("base", base), ("head", head)):
        for each in taken:
            if each.status == "skipped":
                skips[arm] = each.reason  # type: ignore[index]
    if len(skips) == 2:
        return BenchmarkOutcome("left out", f"skipped: {skips['head']}")
    if skips:
        ((where, reason),) = skips.items()
        kind: Kind = "inconclusive" if where == "head" else "invalid"
        return BenchmarkOutcome(kind, f"skipped on {where.upper()} only: {reason}")
    return BenchmarkOutcome("measured")


def _bad(taken: Sequence[Reading]) -> list[Reading]:
    return [each for each in taken if each.status in {"failed", "slow"}]
