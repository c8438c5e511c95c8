"""The budget of studies that foresee what fits: what pieces took, and what did not fit."""

from __future__ import annotations

from collections.abc import Callable

from perceptron.measure import budget
from perceptron.measure.budget import GRACE
from perceptron.studies.shared.costs import Costs
from perceptron.studies.shared.left_out import LeftOut

__all__ = ["GRACE", "Budget", "study_budget"]


class Budget(budget.Budget):
    """Seconds, as `measure.budget.Budget` has them, with costs and what was left out."""

    def __init__(
        self,
        seconds: float,
        spent: float = 0.0,
        clock: Callable[[], float] | None = None,
        whole: Budget | None = None,
        ending: float = 0.0,
    ) -> None:
        super().__init__(seconds, spent, clock, whole, ending)
        self.costs: Costs = whole.costs if whole else Costs()
        """What pieces took in this run."""
        self.left_out: LeftOut = whole.left_out if whole else LeftOut()
        """What did not fit in this start."""


def study_budget(seconds: float) -> Budget:
    """Return the budget of a study that begins now, or began with the command that asks for it."""
    return Budget.of_study(seconds)
