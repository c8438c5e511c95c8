"""How many blocks of what: as many as the rule wants, as far as the budget goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perceptron.errors import UserError
from perceptron.gate.sampling.schedule import Costs, fit_confirmation, fit_screen
from perceptron.gate.verdict.promotion import confirmation_sizes, promote
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import WorkEvidence
from perceptron.records.comparison import LeftOut


def plan_screen(costs: Costs, seconds: float, rule: Rule) -> tuple[int, list[LeftOut]]:
    """Return the blocks, and the benchmarks too expensive for as many as the rule needs.

    Raises `UserError` if that leaves none.
    """
    blocks, kept, out = fit_screen(costs, seconds, rule.screen, rule.fewest_screen)
    if out and not kept:
        raise UserError(
            f"--budget: not enough for {rule.fewest_screen} blocks of any of these benchmarks, the "
            f"cheapest takes {2 * costs.process(out[-1:]):.1f} s a block: raise it"
        )
    return blocks, [
        LeftOut(
            benchmark=key,
            reason=f"{2 * costs.benchmarks[key]:.1f} s a block are too long: raise --budget",
        )
        for key in out
    ]


def plan_confirmation(
    screen: Mapping[str, Sequence[float]],
    work: Mapping[str, WorkEvidence],
    costs: Costs,
    seconds: float,
    rule: Rule,
) -> dict[str, int]:
    """Return fresh blocks for what the screen promotes; 0 where there is no time."""
    promoted = promote(screen, rule, work)
    needed = confirmation_sizes(screen, promoted, rule)
    return fit_confirmation(needed, costs, seconds, rule.fewest_confirmation)


def affordable(costs: Costs, seconds: float, rule: Rule) -> dict[str, int]:
    """Return how many blocks of confirmation each benchmark alone would have time for."""
    return {
        key: max(0, min(rule.most_confirmation, int(seconds / (3 * costs.process([key])))))
        for key in costs.benchmarks
    }
