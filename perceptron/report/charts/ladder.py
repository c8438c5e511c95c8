"""The figure of a ladder: from the published times down to the fastest rung, on one axis."""

from __future__ import annotations

from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.overhead.rung import Rung
from perceptron.figure import Dot, DotFigure
from perceptron.numbers import digits, duration, duration_interval, rough_percent
from perceptron.report.charts.dots import dots_axis, placed


def ladder_figure(ladder: OverheadResult) -> DotFigure | None:
    """Return the time of one iteration on each rung; None where nothing has a time.

    Filled: measured here. Open: published for the same problem, on hardware that is not named.
    """
    rungs = [rung for rung in ladder.rungs if rung.seconds_per_iteration is not None]
    if not rungs:
        return None
    measured = [rung.backend for rung in rungs]
    names = [*(name for name in ladder.published if name not in measured), *measured]
    dots = placed(
        [
            *(_published(names.index(name), name, s) for name, s in ladder.published.items()),
            *(_measured(names.index(rung.backend), rung) for rung in rungs),
        ]
    )
    texts = "; ".join(f"{rung.backend} {_words(rung)}" for rung in rungs)
    return DotFigure(
        alt=f"Time of one iteration of {ladder.problem} by backend, logarithmic: {texts}",
        caption="Lower rungs do the same arithmetic. Filled: measured here, with 95 % intervals "
        "over fresh processes, often smaller than the dot."
        + (" Open: as published, on hardware that is not named." if ladder.published else "")
        + ("" if ladder.no_floor else " ×: times the floor."),
        key="filled: measured here"
        + ("; open: published" if ladder.published else "")
        + ("" if ladder.no_floor else "; ×: times the floor"),
        height=52 * len(names) + 110,
        x=dots_axis(dots, f"one iteration of {ladder.problem}"),
        rows=tuple(names),
        dots=dots,
    )


def _published(row: int, name: str, seconds: float) -> Dot:
    return Dot(
        row=row,
        backend=name,
        seconds=seconds,
        low=seconds,
        high=seconds,
        label=duration(seconds),
        side="right",
        text=f"{name}: {duration(seconds)} as published",
        published=True,
    )


def _measured(row: int, rung: Rung) -> Dot:
    seconds = rung.seconds_per_iteration or 1.0
    return Dot(
        row=row,
        backend=rung.backend,
        seconds=seconds,
        low=rung.low or seconds,
        high=rung.high or seconds,
        label=f"{duration(seconds)}{_ratio(rung)}",
        side="right",
        text=f"{rung.backend}: {_words(rung)}; removes {rung.removes}",
    )


def _ratio(rung: Rung) -> str:
    if rung.ratio_to_floor == 1:
        return "\nthe floor"
    return "" if rung.ratio_to_floor is None else f"\n{digits(rung.ratio_to_floor, 2)} ×"


def _words(rung: Rung) -> str:
    time = duration_interval(rung.seconds_per_iteration or 1.0, rung.low, rung.high)
    if rung.busy_share is not None:
        time += f", the device busy {rough_percent(rung.busy_share)} of it"
    if rung.ratio_to_floor == 1:
        return f"{time}, the floor"
    if rung.ratio_to_floor is None:
        return time
    return f"{time}, {digits(rung.ratio_to_floor, 2)} × the floor"
