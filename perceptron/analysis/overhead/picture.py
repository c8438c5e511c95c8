"""The figures of a cost breakdown: its rungs, the phases of an iteration, the rooflines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perceptron.analysis.device_share import busy_words, is_beside_host
from perceptron.analysis.finding import measured_dot, published_dot
from perceptron.analysis.interval import Interval
from perceptron.analysis.overhead.extras import Ceilings, roofs
from perceptron.analysis.overhead.ladder import Ladder, Rung
from perceptron.figure import (
    Bar,
    BarFigure,
    Dot,
    DotFigure,
    Line,
    LineFigure,
    dots_axis,
    log_axis,
    placed,
)
from perceptron.numbers import digits, duration, duration_interval, rough_percent, tick


def ladder_figure(found: Ladder) -> DotFigure | None:
    """Return the time of one iteration on each rung; None where nothing has a time.

    Filled: measured here. Open: published for the same problem, on hardware that is not named.
    """
    rungs = [rung for rung in found.rungs if rung.seconds_per_iteration is not None]
    if not rungs:
        return None
    measured = [rung.backend for rung in rungs]
    names = [*(name for name in found.published if name not in measured), *measured]
    dots = placed(list(_dots(names, found, rungs)))
    texts = "; ".join(f"{rung.backend} {_words(rung)}" for rung in rungs)
    return DotFigure(
        alt=f"Time of one iteration of {found.problem} by backend, logarithmic: {texts}",
        caption="Lower rungs do the same arithmetic. Filled: measured here, with 95% intervals "
        "over fresh processes, often smaller than the dot."
        + (" Open: as published, on hardware that is not named." if found.published else "")
        + ("" if found.no_floor else " ×: times the floor."),
        key="filled: measured here"
        + ("; open: published" if found.published else "")
        + ("" if found.no_floor else "; ×: times the floor"),
        height=52 * len(names) + 110,
        x=dots_axis(dots, tick, f"one iteration of {found.problem}"),
        rows=tuple(names),
        dots=dots,
    )


def _dots(names: Sequence[str], found: Ladder, rungs: Sequence[Rung]) -> Iterator[Dot]:
    for name, seconds in found.published.items():
        text = f"{name}: {duration(seconds)} as published"
        yield published_dot(names.index(name), name, seconds, duration(seconds), text)
    for rung in rungs:
        name, seconds = rung.backend, rung.seconds_per_iteration or 1.0
        text = f"{name}: {_words(rung)}; removes {rung.removes}"
        time, label = Interval(seconds, rung.low, rung.high), f"{duration(seconds)}{_ratio(rung)}"
        yield measured_dot(names.index(name), name, time, label, text)


def _ratio(rung: Rung) -> str:
    if rung.ratio_to_floor == 1:
        return "\nthe floor"
    return "" if rung.ratio_to_floor is None else f"\n{digits(rung.ratio_to_floor, 2)}×"


def _words(rung: Rung) -> str:
    time = duration_interval(rung.seconds_per_iteration or 1.0, rung.low, rung.high)
    if rung.busy_share is not None:
        time += f", the device busy {rough_percent(rung.busy_share)} of it"
    if rung.ratio_to_floor == 1:
        return f"{time}, the floor"
    if rung.ratio_to_floor is None:
        return time
    return f"{time}, {digits(rung.ratio_to_floor, 2)}× the floor"


def phases_figure(found: Ladder) -> Iterator[BarFigure]:
    """Yield the phases of each backend end to end, as they run, unless one is undecided."""
    undecided = {phase.backend for phase in found.phases if phase.low is None}
    phases = [phase for phase in found.phases if phase.backend not in undecided]
    if not phases:
        return
    summary = "; ".join(
        f"{phase.backend} {phase.phase} {duration(phase.seconds_per_iteration)}" for phase in phases
    )
    backends = tuple(dict.fromkeys(phase.backend for phase in phases))
    yield BarFigure(
        alt=f"Phases of one iteration of {found.problem}: {summary}",
        caption="Phases in the order in which they run. The table has their intervals.",
        height=90 * len(backends) + 150,
        x_title="µs of one iteration",
        rows=backends,
        bars=tuple(
            Bar(
                backend=phase.backend,
                part=phase.phase,
                length=max(0.0, phase.seconds_per_iteration) * 1e6,
                text=f"{phase.phase}: "
                + duration_interval(phase.seconds_per_iteration, phase.low, phase.high),
            )
            for phase in phases
        ),
    )


def roofline_figure(found: Ladder) -> Iterator[LineFigure]:
    """Yield for each device the arithmetic rate of its rungs below its ceilings."""
    if not (found.work.operations and found.work.bytes_moved):
        return
    intensity = found.work.operations / found.work.bytes_moved
    for limits in roofs(found.ceilings):
        rungs = [
            (rung, rung.gflops)
            for rung in found.rungs
            if rung.device == limits.device and rung.gflops is not None
        ]
        if rungs:
            yield _roofline(found, limits, intensity, rungs)


def _roofline(
    found: Ladder, limits: Ceilings, intensity: float, rungs: list[tuple[Rung, float]]
) -> LineFigure:
    product, copy = limits.gflops, limits.gbytes
    ridge = product / copy
    low, high = min(intensity, ridge) / 4, max(intensity, 4 * ridge)
    roof = ((low, low * copy), (ridge, product), (high, product))
    is_host = not is_beside_host(limits.device)
    of = "" if is_host else f" of {limits.device}, measured by {limits.backend}"
    return LineFigure(
        alt="Arithmetic per second over arithmetic per byte, both logarithmic, for "
        f"{found.problem}; the roof{of} is {digits(product)} GFLOP/s and {digits(copy)} GB/s. "
        "The tables have the numbers",
        caption=f"Arithmetic per second over arithmetic per byte. The roof{of}: a large product "
        f"reached {digits(product)} GFLOP/s, a large copy {digits(copy)} GB/s. A point far below "
        "it waits for something else, such as calls from Python. One above the slope reads from "
        "a cache.",
        height=480,
        x=log_axis((low, high), "{:g}".format, 10, "operations per byte"),
        y=log_axis(
            [*(gflops for _, gflops in rungs), *(y for _, y in roof)],
            "{:g}".format,
            10,
            "GFLOP/s reached",
        ),
        lines=tuple(
            Line(
                backend=rung.backend,
                label=rung.backend,
                x=(intensity,),
                y=(gflops,),
                low=(None,),
                high=(None,),
                texts=(
                    f"{rung.backend}: {digits(gflops, 2)} GFLOP/s, bound by "
                    f"{rung.bound or 'unknown'}{busy_words(rung.busy_share)}",
                ),
            )
            for rung, gflops in rungs
        ),
        limit=roof,
    )
