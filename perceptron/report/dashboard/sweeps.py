"""The page of sweeps: the newest of each case by any tool, and one backend on machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perceptron.answer import Answer, Figure, Note, Setting, Table
from perceptron.figure import LineFigure, log_axis, size_text, within
from perceptron.numbers import duration_interval, tick
from perceptron.questions.crossover.figures import bands, curve_line, of_sweep, where
from perceptron.questions.crossover.sweep import Curve, Sweep
from perceptron.questions.fleet.machines import BackendOnMachines, backends_on_machines
from perceptron.questions.shared.training import training_name
from perceptron.report.charts.palette import MACHINES
from perceptron.report.dashboard.answers import Shown
from perceptron.report.dashboard.page import machine_name, state_name

SEVERAL = "several, one backend"
"""The value of the switch *Machine* for a figure with a line for each machine."""


def sweep_answers(sweeps: Sequence[Sweep]) -> Iterator[Shown]:
    """Yield each sweep, then each backend of several machines."""
    for sweep in sweeps:
        yield Shown(of_sweep(sweep), place(sweep))
    yield from map(_of_machines, backends_on_machines(sweeps))


def place(sweep: Sweep) -> Setting:
    """Return how all switches of the page but the last stand for the views of a sweep."""
    family, *others = where(sweep.family, sweep.ground)
    state = sweep.state
    more: tuple[str | None, ...] = ()
    if sweep.source != "perceptron":  # another tool may have several of one commit
        more = (state.environment, state.version and f"version {state.version[:8]}")
    return (
        family,
        ("Machine", machine_name(sweep.ground.machine, sweep.source)),
        ("Commit", state_name(state.commit, sweep.when, *more)),
        *others,
    )


# --- one backend on several machines -------------------------------------------------------------


def _of_machines(group: BackendOnMachines) -> Shown:
    # More lines in one figure cannot be told apart.
    newest = sorted(range(len(group.curves)), key=lambda at: group.curves[at][0].when, reverse=True)
    drawn = [group.curves[at] for at in sorted(newest[: len(MACHINES)])]
    machines = len({(sweep.ground.machine, sweep.source) for sweep, _ in group.curves})
    alike = group.alike
    notes = [
        f"{group.backend} on {machines:,} machines, {alike.ground.dtype or 'dtype not stated'}: "
        "the newest sweep of each, with its number of threads."
    ]
    if len(drawn) < len(group.curves):
        notes.append(
            f"Of {len(group.curves):,} lines the {len(drawn)} newest are drawn; the table has all."
        )
    if group.outdated:
        notes.append(
            f"Left out: {', '.join(group.outdated)}, with an older definition of the problems."
        )
    shown = "time per iteration" if alike.per_iteration else "time"
    part = (("Shown", f"{group.backend}: {shown}"),)
    title = f"{alike.family}: {group.backend} on several machines, {shown}"
    drawing = _figure(group, [(_label(sweep), curve) for sweep, curve in drawn], shown)
    answer = Answer(
        question=alike.family,
        asked=(),
        verdicts=(),
        notes=tuple(map(Note, notes)),
        tables=(_values(group, shown, part),),
        figures=(Figure(title=title, drawing=drawing, part=part),),
    )
    place = (
        ("Family", alike.family),
        ("Machine", SEVERAL),
        ("Commit", "newest of each machine"),
        ("dtype", alike.ground.dtype or "not stated"),
        ("Threads", "each line its own"),
        ("Training", training_name(alike.ground)),
    )
    return Shown(answer, place)


def _label(sweep: Sweep) -> str:
    number, threads = sweep.ground.threads, "threads not stated"
    if number is not None:
        threads = f"{number:,} thread{'' if number == 1 else 's'}"
    return f"{machine_name(sweep.ground.machine, sweep.source)}, {threads}"


def _values(group: BackendOnMachines, shown: str, part: Setting) -> Table:
    """Return the times as a table: machines down, sizes across."""
    axis = group.alike.axis
    sizes = sorted({spot.size for _, curve in group.curves for spot in curve.spots})
    rows = []
    for sweep, curve in group.curves:
        values = {spot.size: spot.value for spot in curve.spots}
        cells = [
            duration_interval(value.estimate, value.low, value.high)
            if (value := values.get(size)) is not None
            else "not measured"
            for size in sizes
        ]
        where = sweep.ground
        threads = "not stated" if where.threads is None else f"{where.threads:,}"
        name = machine_name(where.machine, sweep.source)
        state = state_name(sweep.state.commit, sweep.when)
        rows.append((name, threads, state, *cells))
    return Table(
        title=f"{group.backend}, {shown} [95% interval]",
        columns=("machine", "threads>", "commit", *(f"{axis} {size:,}>" for size in sizes)),
        rows=tuple(rows),
        part=part,
    )


def _figure(group: BackendOnMachines, drawn: Sequence[tuple[str, Curve]], shown: str) -> LineFigure:
    """Return times over sizes, a line for each labelled curve.

    There are no more curves than `palette.MACHINES`; each has a value. No crossover is marked, as
    two machines are not compared.
    """
    axis = group.alike.axis
    lines = [
        curve_line(curve, axis, label, machine) for machine, (label, curve) in enumerate(drawn)
    ]
    return LineFigure(
        alt=f"{shown} of {group.backend} over {axis} on {'; '.join(label for label, _ in drawn)}, "
        "both axes logarithmic, a line for each machine",
        caption=f"Lower is faster. {bands([curve for _, curve in drawn])}. Machines "
        "differ in hardware, libraries and the settings in the legend; their times are not divided "
        "by each other.",
        height=460 + 14 * max(0, len(lines) - 3),  # a line of the legend has 14 pixels
        x=log_axis([size for line in lines for size in line.x], size_text, 2, axis),
        y=log_axis(within(lines), tick, 10, shown),
        lines=tuple(lines),
    )
