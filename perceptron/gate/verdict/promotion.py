"""The benchmarks that the screen promotes to the confirmation, and their numbers of blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from perceptron.gate.verdict.estimate import FEWEST, estimate
from perceptron.gate.verdict.instructions import NOT_COUNTED, InstructionEvidence
from perceptron.gate.verdict.rule import Rule, confirmation_size, p_towards


def promote(
    screen: Mapping[str, Sequence[float]],
    rule: Rule,
    instructions: Mapping[str, InstructionEvidence] = MappingProxyType({}),
) -> dict[str, int]:
    """Return the benchmarks to confirm: 1 for slower, −1 for faster; the most significant first.

    Slower ones go before faster ones: they matter more where time is short. Where instructions
    decide, nothing is confirmed: a rise is judged by its screen, and a fall is promoted only if it
    looks slower.
    """
    promoted: dict[str, tuple[float, int]] = {}
    for key, values in screen.items():
        kind = instructions.get(key, NOT_COUNTED).kind
        if len(values) < FEWEST or kind == "rose":
            continue
        ratio = estimate(values)
        direction = 1 if ratio.mean > 0 else -1
        p = p_towards(ratio, direction, rule)
        alpha = rule.probe_alpha if kind == "same" else rule.screen_alpha
        if p <= alpha and (direction, kind) != (-1, "fell"):
            promoted[key] = (p, direction)
    order = sorted(promoted, key=lambda key: (promoted[key][1] < 0, promoted[key][0]))
    return {key: promoted[key][1] for key in order}


def suspicious(
    screen: Mapping[str, Sequence[float]],
    instructions: Mapping[str, InstructionEvidence],
    rule: Rule,
) -> list[str]:
    """Return the benchmarks of equal instructions that look slower; the most significant first.

    Only the first ``rule.probe`` ratios count, so that later blocks do not change the answer.
    """
    suspected: dict[str, float] = {}
    for key, values in screen.items():
        if len(values) < FEWEST or instructions.get(key, NOT_COUNTED).kind != "same":
            continue
        p = p_towards(estimate(values[: rule.probe]), 1, rule)
        if p <= rule.suspicion_alpha:
            suspected[key] = p
    return sorted(suspected, key=suspected.__getitem__)


def confirmation_sizes(
    screen: Mapping[str, Sequence[float]], promoted: Mapping[str, int], rule: Rule
) -> dict[str, int]:
    """Return the fresh blocks for each promoted benchmark, fixed by the screen's spread."""
    return {key: confirmation_size(estimate(screen[key]), len(promoted), rule) for key in promoted}
