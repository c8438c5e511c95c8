"""What a training costs on a machine that is paid for by the hour."""

from __future__ import annotations

from perceptron.analysis.interval import Interval, scaled

HOUR = 3600.0


def cost(seconds: Interval, per_hour: float | None) -> Interval | None:
    """Return what so many seconds cost; None where the price is not known.

    The price has no interval of its own, and a part of an hour costs its part.
    """
    return None if per_hour is None else scaled(seconds, per_hour / HOUR)
