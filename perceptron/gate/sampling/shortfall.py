"""How much longer a budget would have had to be, for what could not be judged in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from perceptron.gate.sampling.budget import EXTENDED, SCREENED, in_minutes
from perceptron.gate.sampling.first_trial import calibrate
from perceptron.gate.sampling.schedule import Costs
from perceptron.gate.verdict.estimate import FEWEST, RatioEstimate, estimate
from perceptron.gate.verdict.evidence import is_undecided
from perceptron.gate.verdict.judge import log_ratios
from perceptron.gate.verdict.promotion import confirmation_sizes
from perceptron.gate.verdict.rule import Rule, confirmation_size, smallest_detectable
from perceptron.gate.verdict.work import WorkEvidence, work_of
from perceptron.records.block import Benchmark, Block
from perceptron.records.comparison import ComparisonPlan


def minutes_needed(
    benchmarks: Sequence[Benchmark],
    blocks: Sequence[Block],
    plan: ComparisonPlan,
    start_seconds: float,
    rule: Rule,
) -> dict[str, float]:
    """Return the minutes in which each benchmark that lacked blocks would have had them.

    One number for all of them, as they share the budget; infinity for what is too noisy for any.
    """
    work = work_of(blocks, rule)
    kinds = {key: evidence.kind for key, evidence in work.items()}
    same = {key for key, kind in kinds.items() if kind == "same"}
    trials = [block for block in blocks if block.stage == "calibration"]
    costs = calibrate(benchmarks, trials, start_seconds, same).costs
    ratios = log_ratios(blocks, "screen")
    screen = {key: ratios.get(key, []) for key in costs.benchmarks}
    unseen = {
        key: rule.fewest_screen - len(values)
        for key, values in screen.items()
        if len(values) < FEWEST and key not in same
    }
    fresh = _fresh(screen, plan.confirmation_blocks, rule)
    by_time = {
        key: values
        for key, values in screen.items()
        if len(values) >= FEWEST and key not in plan.confirmation_blocks
        if kinds.get(key, "not counted") in {"not counted", "changed"}
    }
    noisy = _noisy(by_time, plan.affordable_blocks, rule) | _undecided(screen, work, rule)
    hopeless = [key for key, too_noisy in noisy.items() if too_noisy is None]
    more = {key: too_noisy for key, too_noisy in noisy.items() if too_noisy is not None}

    screened = _screened_seconds(blocks) + 2 * _seconds(unseen, costs)
    extended = screened + 2 * _seconds({key: own.screen for key, own in more.items()}, costs)
    alone = [own.confirmation * costs.process([key]) for key, own in more.items()]
    needed = max(
        screened / SCREENED if unseen else 0.0,
        extended / EXTENDED if more else 0.0,
        extended + 3 * max(_seconds(fresh, costs), *alone, 0.0),
        plan.budget_seconds + 1,  # where all went faster than foreseen, and still was not enough
    )
    unconfirmed = [key for key in fresh if not plan.confirmation_blocks[key]]
    minutes = dict.fromkeys([*unseen, *unconfirmed, *more], in_minutes(needed))
    return minutes | dict.fromkeys(hopeless, inf)


@dataclass(frozen=True)
class _More:
    """Blocks that make a noisy benchmark judgeable: more of the screen, all of a confirmation."""

    screen: int
    confirmation: int


def _screened_seconds(blocks: Sequence[Block]) -> float:
    """Return the time of the comparison until its confirmation began."""
    before = (block.elapsed_seconds for block in blocks if block.stage != "confirmation")
    return max(before, default=0.0)


def _fresh(
    screen: Mapping[str, Sequence[float]], planned: Mapping[str, int], rule: Rule
) -> dict[str, int]:
    """Return the blocks of each confirmation: as planned, or as wanted where none was planned."""
    promoted = {key: 1 for key in planned if len(screen.get(key, [])) >= FEWEST}
    wanted = confirmation_sizes(screen, promoted, rule)
    return {key: planned[key] or size for key, size in wanted.items()}


def _noisy(
    screen: Mapping[str, Sequence[float]], affordable: Mapping[str, int], rule: Rule
) -> dict[str, _More | None]:
    """Return what each benchmark lacks that is too noisy; None where nothing would do."""
    lacking: dict[str, _More | None] = {}
    for key, values in screen.items():
        ratio, count = estimate(values), len(values)
        size = confirmation_size(ratio, 1, rule)
        if _is_blind(ratio, count, min(size, affordable.get(key, size)), rule):
            enough = (
                _More(blocks - count, size)
                for blocks in range(count, max(count, rule.most_screen) + 1)
                if not _is_blind(ratio, blocks, size, rule)
            )
            lacking[key] = next(enough, None)
    return lacking


def _undecided(
    screen: Mapping[str, Sequence[float]], work: Mapping[str, WorkEvidence], rule: Rule
) -> dict[str, _More | None]:
    """Return what each benchmark lacks that did more work, where the clock leaves it open."""
    lacking: dict[str, _More | None] = {}
    for key, evidence in work.items():
        values = screen.get(key, [])
        if evidence.kind != "rose" or evidence.work is None or len(values) < FEWEST:
            continue
        if is_undecided(estimate(values), evidence.work, rule):
            more = rule.most_screen - len(values)
            lacking[key] = _More(more, 0) if more > 0 else None
    return lacking


def _is_blind(ratio: RatioEstimate, screen: int, confirmation: int, rule: Rule) -> bool:
    return smallest_detectable(ratio, screen, confirmation, 1, rule) > rule.blind


def _seconds(blocks: Mapping[str, int], costs: Costs) -> float:
    """Return what so many processes of each benchmark take in one arm."""
    return sum(
        costs.process([key for key in blocks if blocks[key] > number])
        for number in range(max(blocks.values(), default=0))
    )
