"""A share of a number of trials, with its interval."""

from __future__ import annotations

from msgspec import Struct

from perceptron.numbers import NONE, percent


class Share(Struct, frozen=True):
    """A share of ``trials``, with its exact 95% interval (Clopper and Pearson, 1934)."""

    hits: int
    trials: int
    value: float | None
    low: float | None
    high: float | None


def share(hits: int, trials: int) -> Share:
    """Return the share of ``hits`` in ``trials``; None for each number if there are no trials."""
    from scipy import stats

    if trials == 0:
        return Share(0, 0, None, None, None)
    interval = stats.binomtest(hits, trials).proportion_ci(method="exact")
    return Share(hits, trials, hits / trials, float(interval.low), float(interval.high))


def share_cell(share: Share) -> str:
    """Return ``97.2% [95.9, 98.2]``."""
    if share.value is None or share.low is None or share.high is None:
        return NONE
    decimals = _decimals(share.low)
    low, high = (percent(end, decimals).removesuffix("%") for end in (share.low, share.high))
    return f"{percent(share.value, decimals)} [{low}, {high}]"


def share_percent(value: float) -> str:
    """Return ``97.2%``, with another digit if it is nearly 100%."""
    return percent(value, _decimals(value))


def _decimals(least: float) -> int:
    return 2 if 0.999 <= least < 1 else 1
