"""The page of crossovers: families by run, results from files, and backends on several machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from perceptron.answer import Answer, Answered, Figure, Note, Page, Setting, Shown, Table, is_of
from perceptron.figure import LineFigure, log_axis, size_text, within
from perceptron.numbers import Cell, Quantity, tick
from perceptron.questions.crossover.figures import bands, curve_line, of_sweep, scope
from perceptron.questions.crossover.sweep import Curve, Sweep
from perceptron.questions.other_sessions import starts
from perceptron.questions.shared.published import FAMILY
from perceptron.questions.shared.training import training_name
from perceptron.records.comparison_key import machine_label, state_label
from perceptron.records.grouping import grouped
from perceptron.statistics.over_processes import SEQUENTIAL, name_and_processes

PAGE = Page(
    "Crossovers",
    "From which size up does one backend beat another?",
    "No crossover was searched for yet.",
    "one",
)
SEVERAL = "several, one backend"
"""The value of the switch *Machine* for a figure with a line for each machine."""
BACKENDS, PROCESSES, MODELS = "backends", "processes", "batched or sequential models"
"""The values of the switch *Compared*."""
# More lines in one figure cannot be told apart (as many as `charts.palette.MACHINES`).
_MOST_LINES = 8


def crossover_views(
    runs: Iterable[Answered], sweeps: Sequence[Sweep], read: Sequence[Sweep], here: str
) -> list[Shown]:
    """Return the views of the page: families of each run, other sweeps, backends on machines.

    Of several views with equal switches only the newest is kept. Sweeps that a command has ``read``
    come first, then the machine ``here``, decided answers of NumPy and PyTorch first.
    """
    of_runs = [shown for run in runs for shown in of_run(run)]
    covered = {(dict(shown.scope)["Family"], dict(shown.scope)["Machine"]) for shown in of_runs}
    of_runs += (
        _of_sweep(sweep) for sweep in sweeps if (sweep.family, _machine_of(sweep)) not in covered
    )
    ordered = _each_once(of_runs)
    ordered.sort(key=lambda shown: (dict(shown.scope)["Machine"] != here, _rank(shown)))
    several = map(_of_machines, backends_on_machines(sweeps))
    return [*_each_once([*map(_of_sweep, read), *ordered]), *several]


def _machine_of(sweep: Sweep) -> str:
    return machine_label(sweep.comparison_key.machine, sweep.source)


def _each_once(shown: Iterable[Shown]) -> list[Shown]:
    """Return the first view of each scope."""
    first: dict[Setting, Shown] = {}
    for view in shown:
        first.setdefault(view.scope, view)
    return list(first.values())


def of_run(answered: Answered) -> list[Shown]:
    """Return a view of each family of a run but the OR gate, with the run's verdicts."""
    first = answered.run.rows[0]
    run = (
        ("Machine", machine_label(answered.run.run.machine)),
        ("Run", state_label(first.commit, first.when)),
    )
    figures = [item for item in answered.answer.figures if dict(item.part).get("Family") != FAMILY]
    views = []
    for part, members in grouped(figures, lambda item: item.part[:-1]).items():
        answer = replace(
            answered.answer,
            figures=tuple(members),
            verdicts=tuple(
                item for item in answered.answer.verdicts if item.part and is_of(item.part, part)
            ),
            tables=tuple(
                item for item in answered.answer.tables if item.part and is_of(item.part, part)
            ),
            notes=tuple(item for item in answered.answer.notes if is_of(item.part, part)),
        )
        family, *others = part
        view_scope = (family, _compared(answer), *run, *others)
        views.append(Shown(answer, view_scope, measured_on(answered, family[1])))
    return views


def measured_on(answered: Answered, family: str | None = None) -> str:
    """Return a sentence on the hardware, the measurement and the number of runs of an answer.

    ``family`` limits the count to the runs that measured it.
    """
    facts, number = answered.run.facts.environment, len(starts(answered.run, family))
    together = f" {number} runs answer together." if number > 1 else ""
    return f"{facts.cpu}, {facts.cores} cores{answered.answer.measured}.{together}"


def _of_sweep(sweep: Sweep) -> Shown:
    answer = of_sweep(sweep)
    family, *others = scope(sweep.family, sweep.comparison_key)
    state = sweep.state
    more: tuple[str | None, ...] = ()
    if sweep.source != "perceptron":  # another tool may have several of one commit
        more = (state.environment, state.version and f"version {state.version[:8]}")
    view_scope = (
        family,
        _compared(answer),
        ("Machine", _machine_of(sweep)),
        ("Run", state_label(state.commit, sweep.when, *more)),
        *others,
    )
    return Shown(answer, view_scope)


def _names(answer: Answer) -> set[str]:
    drawings = (figure.drawing for figure in answer.figures)
    drawn = (figure for figure in drawings if isinstance(figure, LineFigure))
    return {line.backend for drawing in drawn for line in drawing.lines}


def _compared(answer: Answer) -> tuple[str, str]:
    """Return the switch *Compared* with its value for the backends of an answer."""
    names = _names(answer)
    way = BACKENDS
    if any(name.endswith(SEQUENTIAL) for name in names):
        way = MODELS
    elif any(name_and_processes(name)[1] > 1 for name in names):
        way = PROCESSES
    return ("Compared", way)


def _rank(shown: Shown) -> int:
    """Return a sort key, 0 to 3: decided answers of NumPy and PyTorch come first."""
    names = _names(shown.answer)
    has_both = "numpy" in names and any(name.startswith("torch") for name in names)
    if dict(shown.scope)["Compared"] != BACKENDS or not has_both:
        return 3
    decided = [verdict.decided for verdict in shown.answer.verdicts]
    return 0 if "yes" in decided else 1 if "partly" in decided else 2


# --- one backend on several machines -------------------------------------------------------------


class BackendOnMachines(Struct, frozen=True, kw_only=True):
    """The same trainings by one backend on two machines or more, in one dtype."""

    backend: str
    curves: list[tuple[Sweep, Curve]]
    """The newest sweep of each machine and number of threads, with the backend's curve in it."""
    alike: Sweep
    """The newest of the sweeps; only its machine and threads differ from the others'."""
    outdated: list[str] = []
    """Machines whose rows are of an older definition of the problems."""


def backends_on_machines(sweeps: Iterable[Sweep]) -> list[BackendOnMachines]:
    """Return each backend and family that two machines measured, sorted by name.

    ``sweeps`` must be sorted newest first: the first of each machine and number of threads counts.
    Curves are shown together if family, problem, its definition, dtype, training, tool and the
    benchmark's version are equal; threads may differ, and each curve states them. Machines whose
    sweep has another definition of a problem than the newest are left out and named in
    ``outdated``; a sweep without a definition is kept.
    """
    newest: dict[tuple[object, ...], dict[tuple[str, int | None], Sweep]] = {}
    for sweep in sweeps:
        key, version = sweep.comparison_key, sweep.state.version
        trained = (sweep.family, sweep.problem, sweep.source, version, sweep.per_iteration)
        alike = (*trained, *key._replace(machine="", threads=None))
        newest.setdefault(alike, {}).setdefault((key.machine, key.threads), sweep)
    several = (
        by_machine
        for by_machine in newest.values()
        if len({machine for machine, _ in by_machine}) > 1
    )
    groups = [group for by_machine in several for group in _of_alike(by_machine.values())]
    return sorted(
        groups,
        key=lambda group: (group.alike.family, str(group.alike.comparison_key[1:]), group.backend),
    )


def _of_alike(sweeps: Iterable[Sweep]) -> Iterator[BackendOnMachines]:
    """Yield each backend that two machines measured, from alike sweeps, newest first."""
    definitions: dict[str, str] = {}
    groups: dict[str, list[tuple[Sweep, Curve]]] = {}
    outdated = set()
    for sweep in sweeps:
        digests = {
            row.problem: row.problem_digest
            for row in sweep.rows
            if row.problem is not None and row.problem_digest is not None
        }
        if any(definitions.get(problem, digest) != digest for problem, digest in digests.items()):
            outdated.add(sweep.comparison_key.machine)
            continue
        definitions |= digests
        for curve in sweep.curves:
            if curve.spots:
                groups.setdefault(curve.backend, []).append((sweep, curve))
    for backend, members in groups.items():
        if len({sweep.comparison_key.machine for sweep, _ in members}) > 1:
            yield BackendOnMachines(
                backend=backend,
                curves=sorted(
                    members,
                    key=lambda member: (
                        member[0].comparison_key.machine,
                        member[0].comparison_key.threads or 0,
                    ),
                ),
                alike=members[0][0],
                outdated=sorted(outdated),
            )


def _of_machines(group: BackendOnMachines) -> Shown:
    newest = sorted(range(len(group.curves)), key=lambda at: group.curves[at][0].when, reverse=True)
    drawn = [group.curves[at] for at in sorted(newest[:_MOST_LINES])]
    machines = len({(sweep.comparison_key.machine, sweep.source) for sweep, _ in group.curves})
    alike = group.alike
    dtype = alike.comparison_key.dtype or "dtype not stated"
    notes = [
        f"{group.backend} on {machines:,} machines, {dtype}: "
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
        query=(),
        verdicts=(),
        notes=tuple(map(Note, notes)),
        tables=(_values(group, shown, part),),
        figures=(Figure(title=title, drawing=drawing, part=part),),
    )
    view_scope = (
        ("Family", alike.family),
        ("Compared", BACKENDS),
        ("Machine", SEVERAL),
        ("Run", "newest of each machine"),
        ("dtype", alike.comparison_key.dtype or "not stated"),
        ("Threads", "each line its own"),
        ("Training", training_name(alike.comparison_key)),
    )
    return Shown(answer, view_scope)


def _label(sweep: Sweep) -> str:
    number, threads = sweep.comparison_key.threads, "threads not stated"
    if number is not None:
        threads = f"{number:,} thread{'' if number == 1 else 's'}"
    return f"{machine_label(sweep.comparison_key.machine, sweep.source)}, {threads}"


def _values(group: BackendOnMachines, shown: str, part: Setting) -> Table:
    """Return a table of the times: machines down, sizes across."""
    axis = group.alike.axis
    sizes = sorted({spot.size for _, curve in group.curves for spot in curve.spots})
    return Table(
        title=f"{group.backend}, {shown} [95% interval]",
        columns=("machine", "threads>", "commit", *(f"{axis} {size:,}>" for size in sizes)),
        rows=tuple(_row(sweep, curve, sizes) for sweep, curve in group.curves),
        part=part,
    )


def _row(sweep: Sweep, curve: Curve, sizes: Iterable[float]) -> tuple[Cell, ...]:
    values = {spot.size: spot.value for spot in curve.spots}
    key = sweep.comparison_key
    return (
        machine_label(key.machine, sweep.source),
        "not stated" if key.threads is None else key.threads,
        state_label(sweep.state.commit, sweep.when),
        *(
            Quantity(value.estimate, "s", value.ends)
            if (value := values.get(size)) is not None
            else "not measured"
            for size in sizes
        ),
    )


def _figure(group: BackendOnMachines, drawn: Sequence[tuple[str, Curve]], shown: str) -> LineFigure:
    """Return a figure of times over sizes, with a line for each labelled curve.

    ``drawn`` holds at most `palette.MACHINES` curves, each with a value. No crossover is marked, as
    machines are not compared.
    """
    axis = group.alike.axis
    lines = [
        curve_line(curve, axis, label, machine) for machine, (label, curve) in enumerate(drawn)
    ]
    return LineFigure(
        alt=f"{shown} of {group.backend} over {axis} on {'; '.join(label for label, _ in drawn)}, "
        "both axes logarithmic, a line for each machine",
        caption=f"Lower is faster. {bands([curve for _, curve in drawn])}. Machines "
        "differ in hardware, libraries and the settings beside their names; their times are not "
        "divided by each other.",
        height=460,
        x=log_axis([size for line in lines for size in line.x], size_text, 2, axis),
        y=log_axis(within(lines), tick, 10, shown),
        lines=tuple(lines),
    )
