"""The numbers that the gate's rule is made of, and what follows from them before any verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import expm1, inf, log1p

from perceptron.gate.verdict.estimate import (
    FEWEST,
    RatioEstimate,
    blocks_needed,
    detectable,
    estimate,
    largest_spread,
    p_above,
)


@dataclass(frozen=True)
class Rule:
    """Two stages: a screen that only promotes, and a confirmation on fresh blocks.

    Why these numbers: replayed on 240 recorded processes of five bodies, lower quartiles of
    neighbouring processes paired up spread as little as any other pairing or estimator tried
    (quadruples base-head-head-base, minima, medians), and 20 % trimming detects most where a
    neighbour loads the machine, and as much as a mean elsewhere.
    """

    margin: float = 0.01
    """Changes up to this are never called changes: layout alone moves code by as much."""
    screen_alpha: float = 0.1
    """Generous: a promotion costs time, and it takes the confirmation to turn a run red."""
    alpha: float = 0.001
    """Of the confirmation, over everything that is confirmed together."""
    least: float = 0.03
    """A smaller estimate is not worth anybody's morning, however sure it is."""
    power: float = 0.95
    wanted: float = 0.05
    """The slowdown that a confirmation is made long enough for, as far as ``most`` allows."""
    blind: float = 0.10
    """A row that could not have seen a slowdown of this size makes the run inconclusive."""
    confidence: float = 0.99
    caution: float = 0.8
    """Of the bound on the spread that a confirmation is planned with."""
    promise: float = 0.8
    """Of the bound on the spread that the smallest detectable slowdown is told with."""
    screen: int = 10
    fewest_screen: int = 6
    most_screen: int = 30
    confirmation: int = 20
    """Blocks of a confirmation at least, where there is time for them: a screen that was quiet by
    chance asks for fewer, and then a few loud blocks hide even a slowdown of 20 %."""
    fewest_confirmation: int = 8
    most_confirmation: int = 60

    @property
    def stage_power(self) -> float:
        """Both stages must see it."""
        return 1 - (1 - self.power) / 2


def promote(screen: Mapping[str, Sequence[float]], rule: Rule) -> dict[str, int]:
    """Which benchmarks go on: 1 for slower, −1 for faster; the most significant first.

    What may be slower goes before what may be faster: where time is short, it is what matters.
    """
    found: dict[str, tuple[float, int]] = {}
    for key, values in screen.items():
        if len(values) < FEWEST:
            continue
        seen = estimate(values)
        direction = 1 if seen.mean > 0 else -1
        p = p_towards(seen, direction, rule)
        if p <= rule.screen_alpha:
            found[key] = (p, direction)
    order = sorted(found, key=lambda key: (found[key][1] < 0, found[key][0]))
    return {key: found[key][1] for key in order}


def p_towards(seen: RatioEstimate, direction: int, rule: Rule) -> float:
    """One-sided p-value of *it did not change by more than the margin in this direction*."""
    if direction < 0:
        seen = RatioEstimate(-seen.mean, seen.error, seen.freedom, seen.blocks)
    return p_above(seen, log1p(rule.margin))


def confirmation_sizes(
    screen: Mapping[str, Sequence[float]], promoted: Mapping[str, int], rule: Rule
) -> dict[str, int]:
    """Fresh blocks for each promoted benchmark, fixed by the screen's spread."""
    return {key: confirmation_size(estimate(screen[key]), len(promoted), rule) for key in promoted}


def confirmation_size(seen: RatioEstimate, together: int, rule: Rule) -> int:
    """Blocks that confirm the wanted slowdown beside ``together`` − 1 other benchmarks.

    Ten blocks know their spread badly, and too few fresh ones would miss what is there: so the
    spread counts with its upper bound.
    """
    needed = blocks_needed(
        largest_spread(seen, rule.caution),
        log1p(rule.wanted),
        rule.alpha / together,
        rule.stage_power,
        log1p(rule.margin),
        rule.most_confirmation,
    )
    return min(max(needed, rule.confirmation), rule.most_confirmation)


def smallest_detectable(
    seen: RatioEstimate, screen: int, confirmation: int, together: int, rule: Rule
) -> float:
    """The slowdown, as head / base − 1, that both stages together confirm with ``rule.power``.

    Infinity where there are too few blocks. The estimate must also reach ``rule.least``. The spread
    is known from few blocks and makes the promise, so it counts with a bound above its middle.
    """
    margin, power = log1p(rule.margin), rule.stage_power
    spread = largest_spread(seen, rule.promise)
    needed = (
        detectable(spread, screen, rule.screen_alpha, power, margin),
        detectable(spread, confirmation, rule.alpha / together, power, margin),
        detectable(spread, confirmation, 0.5, power, log1p(rule.least)),
    )
    largest = max(needed)
    return inf if largest > 50 else expm1(largest)


def noisy(screen: Mapping[str, Sequence[float]], rule: Rule) -> list[str]:
    """Which benchmarks so few blocks say too little about.

    By their spread alone: more blocks because of what came out would make false alarms.
    """
    found = []
    for key, values in screen.items():
        if len(values) < FEWEST:
            continue
        seen = estimate(values)
        confirmation = confirmation_size(seen, 1, rule)
        smallest = smallest_detectable(seen, len(values), confirmation, 1, rule)
        if smallest > rule.blind:
            found.append(key)
    return found
