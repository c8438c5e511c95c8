"""A share of a number of trials, with how sure it is."""

from __future__ import annotations

from msgspec import Struct


class Share(Struct, frozen=True):
    """So many of so many, as a share with its exact 95 % interval (Clopper and Pearson, 1934)."""

    hits: int
    trials: int
    value: float | None
    low: float | None
    high: float | None


def share(hits: int, trials: int) -> Share:
    """Return ``hits`` of ``trials``; of no trials, no numbers."""
    from scipy import stats

    if trials == 0:
        return Share(0, 0, None, None, None)
    interval = stats.binomtest(hits, trials).proportion_ci(method="exact")
    return Share(hits, trials, hits / trials, float(interval.low), float(interval.high))
