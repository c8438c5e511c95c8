"""The numbers of the gate's rule, and what follows from them before any verdict."""

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

    The numbers come from replaying 240 recorded processes of five benchmark bodies. Lower quartiles
    of adjacent paired processes spread as little as any other pairing or estimator tried
    (quadruples base-head-head-base, minima, medians). 20% trimming detects most where a neighbour
    loads the machine, and as much as a mean elsewhere.
    """

    margin: float = 0.01
    """Smaller changes are never reported: code layout alone changes times by as much."""
    screen_alpha: float = 0.1
    """Generous: a promotion costs time, and only the confirmation makes a run a regression."""
    alpha: float = 0.001
    """Level of the confirmation, over all benchmarks confirmed together."""
    least: float = 0.03
    """A smaller estimate is not worth acting on, however narrow its interval."""
    power: float = 0.95
    wanted: float = 0.05
    """The slowdown that a confirmation should detect, with at most ``most_confirmation`` blocks."""
    blind: float = 0.10
    """A row whose times could hide a slowdown of this size makes the run inconclusive, unless its
    instructions are equal."""
    confidence: float = 0.99
    caution: float = 0.8
    """Confidence of the bound on the spread with which a confirmation is planned."""
    promise: float = 0.8
    """Confidence of the bound on the spread for computing the smallest detectable slowdown."""
    screen: int = 10
    fewest_screen: int = 6
    most_screen: int = 30
    confirmation: int = 20
    """Fewest blocks of a confirmation, where time allows: a screen with little spread by chance
    asks for fewer, and then a few outlying blocks hide even a slowdown of 20%."""
    fewest_confirmation: int = 8
    most_confirmation: int = 60
    repeatable: float = 0.005
    """Largest difference of two equal counts: above it a benchmark cannot be counted."""
    same_work: float = 0.01
    """Instructions that differ by less are called equal: the clock only probes them."""
    least_work: float = 0.015
    """More instructions by this much, in every round, are a regression unless times contradict."""
    draws_alpha: float = 0.002
    """Level of the test that instructions rose on other random inputs too."""
    contradiction: float = 0.005
    """Level of the one-sided test by which times contradict a count."""
    probe: int = 6
    """Blocks of a benchmark of equal instructions."""
    probe_alpha: float = 0.01
    """Screen level for equal instructions: times alone must give stronger evidence there."""
    suspicion_alpha: float = 0.05
    """Probe level: what looks slower gets the blocks of a whole screen before it is promoted. Also
    the level for times that support draws which disagree on the rise in instructions."""
    least_judged: float = 0.5
    """Share of the benchmarks that must have been judged for a run to be clean."""

    @property
    def stage_power(self) -> float:
        """Power of each stage: both must detect the slowdown."""
        return 1 - (1 - self.power) / 2


def p_towards(ratio: RatioEstimate, direction: int, rule: Rule) -> float:
    """Return the one-sided p-value of a change in this direction of at most the margin."""
    if direction < 0:
        ratio = RatioEstimate(-ratio.mean, ratio.error, ratio.freedom, ratio.blocks)
    return p_above(ratio, log1p(rule.margin))


def confirmation_size(ratio: RatioEstimate, together: int, rule: Rule) -> int:
    """Return the blocks that confirm the wanted slowdown beside ``together`` − 1 other benchmarks.

    Ten blocks estimate the spread badly, and too few fresh blocks would miss a slowdown: so an
    upper bound of the spread counts.
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
    same_instructions: bool = False,
) -> float:
    """Return the slowdown, as head / base − 1, that both stages confirm with ``rule.power``.

    Infinite where blocks are too few, and above twice the time: such a number is of no use. The
    estimate must also reach ``rule.least``. A few blocks estimate the spread, so an upper bound of
    it counts. A benchmark of equal instructions must pass a whole screen, and first look slower in
    its probe; with more blocks than a screen has, measured because of its spread, the probe no
    longer counts.
    """
    margin, power = log1p(rule.margin), rule.stage_power
    spread = largest_spread(ratio, rule.promise)
    alpha = rule.probe_alpha if same_instructions else rule.screen_alpha
    whole = max(screen, rule.screen) if same_instructions else screen
    promoted = detectable(spread, whole, alpha, power, margin)
    if same_instructions and screen <= rule.screen:
        probe = min(screen, rule.probe)
        promoted = max(promoted, detectable(spread, probe, rule.suspicion_alpha, power, margin))
    needed = (
        promoted,
        detectable(spread, confirmation, rule.alpha / together, power, margin),
        detectable(spread, confirmation, 0.5, power, log1p(rule.least)),
    )
    largest = max(needed)
    return inf if largest > log(2) else expm1(largest)


def noisy(
    screen: Mapping[str, Sequence[float]], rule: Rule, same_instructions: bool = False
) -> list[str]:
    """Return the benchmarks whose blocks are too few for their noise.

    Only the spread decides: more blocks because of a ratio would cause false alarms.
    """
    too_noisy = []
    for key, values in screen.items():
        if len(values) < FEWEST:
            continue
        ratio = estimate(values)
        confirmation = confirmation_size(ratio, 1, rule)
        smallest = smallest_detectable(ratio, len(values), confirmation, 1, rule, same_instructions)
        if smallest > rule.blind:
            too_noisy.append(key)
    return too_noisy
