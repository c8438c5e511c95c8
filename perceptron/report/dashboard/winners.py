"""Who is the fastest at both ends of each sweep: a table of the first page."""

from __future__ import annotations

from collections.abc import Iterable

from perceptron.analysis.fleet.fastest import fastest_at_sizes
from perceptron.analysis.stored.sweep import CurvePoint, Sweep
from perceptron.analysis.training import training_words
from perceptron.report import numbers
from perceptron.report.size_axis import size_axis
from perceptron.untrusted_text import shortened

COLUMNS = ("family", "smallest size", "fastest there", "largest size", "fastest there")


def winner_cells(sweeps: Iterable[Sweep]) -> list[tuple[str, ...]]:
    """Return a line for each family and way to train it: its first sweep, which is the newest."""
    newest: dict[tuple[str, str], Sweep] = {}
    for sweep in sweeps:
        newest.setdefault((sweep.family, training_words(sweep)), sweep)
    return [_cells(newest[key]) for key in sorted(newest)]


def _cells(sweep: Sweep) -> tuple[str, ...]:
    sizes = sorted({spot.size for curve in sweep.curves for spot in curve.spots})
    words = training_words(sweep)
    name = shortened(f"{sweep.family} ({words})" if words else sweep.family)
    if not sizes:
        return (name, "–", "nothing measured", "–", "nothing measured")
    axis = size_axis(sweep.family, sweep.axis)
    ends = [
        cell
        for size in (sizes[0], sizes[-1])
        for cell in (f"{axis} {size:,}", _fastest(sweep, size))
    ]
    return (name, *ends)


def _fastest(sweep: Sweep, size: float) -> str:
    """Return the fastest at a size with its time, and the next; that it has no rival, if so."""
    spots = {
        curve.backend: spot for curve in sweep.curves for spot in curve.spots if spot.size == size
    }
    ordered = sorted(spots, key=lambda name: (spots[name].value.estimate, name))
    times = [f"{shortened(name)} {_time(spots[name])}" for name in ordered[:2]]
    if len(times) == 1:
        return f"{times[0]}, and no other has a time"
    (answer,) = (
        one for one in fastest_at_sizes(sweep.curves, sweep.crossovers) if one.size == size
    )
    return f"not sure: {' or '.join(times)}" if answer.unsure else " before ".join(times)


def _time(spot: CurvePoint) -> str:
    value = spot.value
    time = numbers.duration_interval(value.estimate, value.low, value.high)
    if spot.epoch is None:
        return time
    return f"{time} ({numbers.rows_per_second(spot.epoch.rows_per_second(value.estimate))})"
