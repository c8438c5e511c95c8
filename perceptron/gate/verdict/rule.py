"""The numbers that the gate's rule is made of, and what follows from them before any verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import expm1, inf, log, log1p

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
    (quadruples base-head-head-base, minima, medians), and 20% trimming detects most where a
    neighbour loads the machine, and as much as a mean elsewhere.
    """

    margin: float = 0.01
    """Changes up to this are never called changes: layout alone moves code by as much."""
    screen_alpha: float = 0.1
    """Generous: a promotion costs time, and only the confirmation makes a run a regression."""
    alpha: float = 0.001
    """Of the confirmation, over everything that is confirmed together."""
    least: float = 0.03
    """A smaller estimate is not worth acting on, however narrow its interval."""
    power: float = 0.95
    wanted: float = 0.05
    """The slowdown that a confirmation is made long enough for, as far as ``most`` allows."""
    blind: float = 0.10
    """A row that could not have seen a slowdown of this size makes the run inconclusive, unless its
    instructions acquit it."""
    confidence: float = 0.99
    caution: float = 0.8
    """Of the bound on the spread that a confirmation is planned with."""
    promise: float = 0.8
    """Of the bound on the spread that the smallest detectable slowdown is computed with."""
    screen: int = 10
    fewest_screen: int = 6
    most_screen: int = 30
    confirmation: int = 20
    """Blocks of a confirmation at least, where there is time for them: a screen that spread
    little by chance asks for fewer, and then a few outlying blocks hide even a slowdown of 20%."""
    fewest_confirmation: int = 8
    most_confirmation: int = 60
    repeatable: float = 0.005
    """Two counts of the same must not differ by more: else a benchmark cannot be counted."""
    same_work: float = 0.01
    """Work that differs by less is called the same: the clock takes only a probe of it."""
    least_work: float = 0.015
    """So much more work, in every round, is a regression unless the clock contradicts it."""
    draws_alpha: float = 0.002
    """Of the test that work rose on other random inputs too."""
    contradiction: float = 0.005
    """Level of the one-sided test by which the clock contradicts a count."""
    probe: int = 6
    """Blocks for what did the same work."""
    probe_alpha: float = 0.01
    """Of the screen of what did the same work: the clock alone is asked for more there."""
    suspicion_alpha: float = 0.05
    """Of the probe: what seems slower gets the blocks of a whole screen before it is promoted. Also
    of the clock as the witness of draws that do not agree by how much more work there is."""
    least_judged: float = 0.5
    """Share of the benchmarks that must have been judged for a run to be clean."""

    @property
    def stage_power(self) -> float:
        """Both stages must see it."""
        return 1 - (1 - self.power) / 2


def p_towards(ratio: RatioEstimate, direction: int, rule: Rule) -> float:
    """Return the one-sided p-value of *it changed by no more than the margin in this direction*."""
    if direction < 0:
        ratio = RatioEstimate(-ratio.mean, ratio.error, ratio.freedom, ratio.blocks)
    return p_above(ratio, log1p(rule.margin))


def confirmation_size(ratio: RatioEstimate, together: int, rule: Rule) -> int:
    """Return the blocks that confirm the wanted slowdown beside ``together`` − 1 other benchmarks.

    Ten blocks know their spread badly, and too few fresh ones would miss what is there: so the
    spread counts with its upper bound.
    """
    needed = blocks_needed(
        largest_spread(ratio, rule.caution),
        log1p(rule.wanted),
        rule.alpha / together,
        rule.stage_power,
        log1p(rule.margin),
        rule.most_confirmation,
    )
    return min(max(needed, rule.confirmation), rule.most_confirmation)


def smallest_detectable(
    ratio: RatioEstimate,
    screen: int,
    confirmation: int,
    together: int,
    rule: Rule,
    same_work: bool = False,
) -> float:
    """Return the slowdown, as head / base − 1, that both stages confirm with ``rule.power``.

    Infinity where there are too few blocks, and beyond twice the time: that is no number to act on.
    The estimate must also reach ``rule.least``. The spread is known from few blocks and makes the
    promise, so it counts with a bound above its middle. What did the ``same_work`` must convince a
    whole screen, and first make its probe suspicious: more blocks than a screen has were measured
    because of its spread, whatever its probe looked like.
    """
    margin, power = log1p(rule.margin), rule.stage_power
    spread = largest_spread(ratio, rule.promise)
    alpha = rule.probe_alpha if same_work else rule.screen_alpha
    whole = max(screen, rule.screen) if same_work else screen
    promoted = detectable(spread, whole, alpha, power, margin)
    if same_work and screen <= rule.screen:
        probe = min(screen, rule.probe)
        promoted = max(promoted, detectable(spread, probe, rule.suspicion_alpha, power, margin))
    needed = (
        promoted,
        detectable(spread, confirmation, rule.alpha / together, power, margin),
        detectable(spread, confirmation, 0.5, power, log1p(rule.least)),
    )
    largest = max(needed)
    return inf if largest > log(2) else expm1(largest)


def noisy(screen: Mapping[str, Sequence[float]], rule: Rule, same_work: bool = False) -> list[str]:
    """Return the benchmarks that so few blocks say too little about, be it the ``same_work``.

    By their spread alone: more blocks because of what came out would make false alarms.
    """
    too_noisy = []
    for key, values in screen.items():
        if len(values) < FEWEST:
            continue
        ratio = estimate(values)
        confirmation = confirmation_size(ratio, 1, rule)
        smallest = smallest_detectable(ratio, len(values), confirmation, 1, rule, same_work)
        if smallest > rule.blind:
            too_noisy.append(key)
    return too_noisy
