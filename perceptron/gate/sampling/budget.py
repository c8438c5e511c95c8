"""How many blocks of what: as many as the rule wants, as far as the budget goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from perceptron.errors import UserError
from perceptron.gate.sampling.schedule import Costs, fit_confirmation, fit_screen
from perceptron.gate.verdict.promotion import confirmation_sizes, promote
from perceptron.gate.verdict.rule import Rule
from perceptron.gate.verdict.work import WorkEvidence
from perceptron.records.comparison import LeftOut

# Shares of the budget that have passed when a stage must be over: the screen as it was planned, the
# screen with more blocks of what is noisy, and the confirmation.
SCREENED, EXTENDED, OVER = 0.7, 0.8, 1.0
# The light look at what did the same work: hardly any of it is to be confirmed.
LOOKED = 0.9


@dataclass(frozen=True)
class Remaining:
    """What is left of the budget for a stage."""

    seconds: float
    budget: float
    """Seconds of everything."""
    share: float = 1.0
    """Of the budget, what has passed when the stage must be over."""

    def minutes(self, needed: float) -> float:
        """Return the minutes of a budget that leaves this stage the seconds that it needs."""
        return in_minutes(self.budget + max(0.0, needed - self.seconds) / self.share)


def in_minutes(seconds: float) -> float:
    """Return whole minutes, or half ones below ten; rounded up."""
    step = 0.5 if seconds < 600 else 1.0
    return ceil(seconds / 60 / step) * step


def plan_screen(
    costs: Costs,
    left: Remaining,
    rule: Rule,
    work: Mapping[str, WorkEvidence],
) -> tuple[int, list[LeftOut]]:
    """Return the blocks, and the benchmarks too expensive for as many as the rule needs.

    What did more work is the last to go, as the clock may contradict it. Raises `UserError` if that
    leaves none, and counted ``work`` decides nothing either.
    """
    rose = [key for key, evidence in work.items() if evidence.kind == "rose"]
    blocks, kept, out = fit_screen(costs, left.seconds, rule.screen, rule.fewest_screen, rose)

    def minutes(together: Sequence[str]) -> str:
        needed = 2 * rule.fewest_screen * costs.process(together)
        return f"{left.minutes(needed):g}"

    if out and not kept and not any(evidence.work for evidence in work.values()):
        raise UserError(
            f"--budget: not enough for {rule.fewest_screen} blocks of any of these benchmarks, the "
            f"cheapest takes {2 * costs.process(out[-1:]):.1f} s a block: raise it to "
            f"{minutes(out[-1:])}"
        )
    return blocks, [
        LeftOut(
            benchmark=key,
            reason=f"{2 * costs.benchmarks[key]:.1f} s a block are too long: raise --budget to "
            f"{minutes([*kept, *out[index:]])}",  # it joins what is cheaper
        )
        for index, key in enumerate(out)
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
