"""The page of crossovers: each family in its newest run, what files hold, and several machines."""

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
"""The ways to compare."""
# More lines in one figure cannot be told apart (as many as `charts.palette.MACHINES`).
_MOST_LINES = 8


def crossover_views(
    runs: Iterable[Answered], sweeps: Sequence[Sweep], read: Sequence[Sweep], here: str
) -> list[Shown]:
    """Return each family of each run, newest first, other sweeps, and backends on machines.

    Of equal switches the newest is there. What a command has ``read`` stands first; else a
    decided answer of NumPy and PyTorch of the machine that is ``here``.
    """
    of_runs = [one for told in runs for one in of_run(told)]
    covered = {(dict(one.scope)["Family"], dict(one.scope)["Machine"]) for one in of_runs}
    of_runs += (_of_sweep(one) for one in sweeps if (one.family, _machine_of(one)) not in covered)
    ordered = _each_once(of_runs)
    ordered.sort(key=lambda one: (dict(one.scope)["Machine"] != here, _rank(one)))
    several = map(_of_machines, backends_on_machines(sweeps))
    return [*_each_once([*map(_of_sweep, read), *ordered]), *several]


def _machine_of(sweep: Sweep) -> str:
    return machine_label(sweep.comparison_key.machine, sweep.source)


def _each_once(shown: Iterable[Shown]) -> list[Shown]:
    """Return the first at each place."""
    first: dict[Setting, Shown] = {}
    for one in shown:
        first.setdefault(one.scope, one)
    return list(first.values())


def of_run(told: Answered) -> list[Shown]:
    """Return each family of a run, with the verdicts that the run has: the OR gate is none."""
    first = told.run.rows[0]
    run = (
        ("Machine", machine_label(told.run.run.machine)),
        ("Run", state_label(first.commit, first.when)),
    )
    figures = [one for one in told.answer.figures if dict(one.part).get("Family") != FAMILY]
    found = []
    for part, own in grouped(figures, lambda one: one.part[:-1]).items():
        answer = replace(
            told.answer,
            figures=tuple(own),
            verdicts=tuple(
                one for one in told.answer.verdicts if one.part and is_of(one.part, part)
            ),
            tables=tuple(one for one in told.answer.tables if one.part and is_of(one.part, part)),
            notes=tuple(one for one in told.answer.notes if is_of(one.part, part)),
        )
        family, *others = part
        place = (family, _compared(answer), *run, *others)
        found.append(Shown(answer, place, measured_on(told, family[1])))
    return found


def measured_on(told: Answered, family: str | None = None) -> str:
    """Return the hardware that an answer is of, how it was measured, and of how many runs it is.

    Other runs may have measured some of its families alone.
    """
    facts, number = told.run.facts.environment, len(starts(told.run, family))
    together = f" {number} runs answer together." if number > 1 else ""
    return f"{facts.cpu}, {facts.cores} cores{told.answer.measured}.{together}"


def _of_sweep(sweep: Sweep) -> Shown:
    answer = of_sweep(sweep)
    family, *others = scope(sweep.family, sweep.comparison_key)
    state = sweep.state
    more: tuple[str | None, ...] = ()
    if sweep.source != "perceptron":  # another tool may have several of one commit
        more = (state.environment, state.version and f"version {state.version[:8]}")
    place = (
        family,
        _compared(answer),
        ("Machine", _machine_of(sweep)),
        ("Run", state_label(state.commit, sweep.when, *more)),
        *others,
    )
    return Shown(answer, place)


def _names(answer: Answer) -> set[str]:
    drawings = (one.drawing for one in answer.figures)
    drawn = (one for one in drawings if isinstance(one, LineFigure))
    return {line.backend for drawing in drawn for line in drawing.lines}


def _compared(answer: Answer) -> tuple[str, str]:
    """Return the switch of what is compared, as it stands for the backends of an answer."""
    names = _names(answer)
    way = BACKENDS
    if any(name.endswith(SEQUENTIAL) for name in names):
        way = MODELS
    elif any(name_and_processes(name)[1] > 1 for name in names):
        way = PROCESSES
    return ("Compared", way)


def _rank(one: Shown) -> int:
    """Return how late it stands: first what is decided of NumPy and PyTorch."""
    names = _names(one.answer)
    is_ours = "numpy" in names and any(name.startswith("torch") for name in names)
    if dict(one.scope)["Compared"] != BACKENDS or not is_ours:
        return 3
    decided = [verdict.decided for verdict in one.answer.verdicts]
    return 0 if "yes" in decided else 1 if "partly" in decided else 2


# --- one backend on several machines -------------------------------------------------------------


class BackendOnMachines(Struct, frozen=True, kw_only=True):
    """The same trainings by the same backend, on two machines or more; dtypes are never mixed."""

    backend: str
    curves: list[tuple[Sweep, Curve]]
    """By machine and number of threads: the backend's curve, in the newest sweep."""
    alike: Sweep
    """The newest of the sweeps; its machine and threads are its own alone."""
    outdated: list[str] = []
    """Machines whose rows are of an older definition of the problems."""


def backends_on_machines(sweeps: Iterable[Sweep]) -> list[BackendOnMachines]:
    """Return each backend of each family that two machines measured, in the order of their names.

    ``sweeps`` stand with the newest first: of each machine and number of threads that one counts.
    Curves stand together where family, problem, its definition, dtype, training, the tool that
    measured and the benchmark's version are equal; threads may differ, and each curve says its own.
    A machine with an older checkout may have another definition of a problem: it is left out
    and named. A sweep that does not know its definition stands with the others.
    """
    newest: dict[tuple[object, ...], dict[tuple[str, int | None], Sweep]] = {}
    for sweep in sweeps:
        where, version = sweep.comparison_key, sweep.state.version
        trained = (sweep.family, sweep.problem, sweep.source, version, sweep.per_iteration)
        alike = (*trained, *where._replace(machine="", threads=None))
        newest.setdefault(alike, {}).setdefault((where.machine, where.threads), sweep)
    several = (own for own in newest.values() if len({machine for machine, _ in own}) > 1)
    made = [one for own in several for one in _of_alike(own.values())]
    return sorted(
        made, key=lambda one: (one.alike.family, str(one.alike.comparison_key[1:]), one.backend)
    )


def _of_alike(sweeps: Iterable[Sweep]) -> Iterator[BackendOnMachines]:
    """Yield each backend of alike sweeps, the newest first, that two machines measured."""
    known: dict[str, str] = {}
    groups: dict[str, list[tuple[Sweep, Curve]]] = {}
    outdated = set()
    for sweep in sweeps:
        digests = {
            row.problem: row.problem_digest
            for row in sweep.rows
            if row.problem is not None and row.problem_digest is not None
        }
        if any(known.get(problem, digest) != digest for problem, digest in digests.items()):
            outdated.add(sweep.comparison_key.machine)
            continue
        known |= digests
        for curve in sweep.curves:
            if curve.spots:
                groups.setdefault(curve.backend, []).append((sweep, curve))
    for backend, members in groups.items():
        if len({sweep.comparison_key.machine for sweep, _ in members}) > 1:
            yield BackendOnMachines(
                backend=backend,
                curves=sorted(
                    members,
                    key=lambda one: (
                        one[0].comparison_key.machine,
                        one[0].comparison_key.threads or 0,
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
    place = (
        ("Family", alike.family),
        ("Compared", BACKENDS),
        ("Machine", SEVERAL),
        ("Run", "newest of each machine"),
        ("dtype", alike.comparison_key.dtype or "not stated"),
        ("Threads", "each line its own"),
        ("Training", training_name(alike.comparison_key)),
    )
    return Shown(answer, place)


def _label(sweep: Sweep) -> str:
    number, threads = sweep.comparison_key.threads, "threads not stated"
    if number is not None:
        threads = f"{number:,} thread{'' if number == 1 else 's'}"
    return f"{machine_label(sweep.comparison_key.machine, sweep.source)}, {threads}"


def _values(group: BackendOnMachines, shown: str, part: Setting) -> Table:
    """Return the times as a table: machines down, sizes across."""
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
    where = sweep.comparison_key
    return (
        machine_label(where.machine, sweep.source),
        "not stated" if where.threads is None else where.threads,
        state_label(sweep.state.commit, sweep.when),
        *(
            Quantity(value.estimate, "s", value.ends)
            if (value := values.get(size)) is not None
            else "not measured"
            for size in sizes
        ),
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
        "differ in hardware, libraries and the settings beside their names; their times are not "
        "divided by each other.",
        height=460,
        x=log_axis([size for line in lines for size in line.x], size_text, 2, axis),
        y=log_axis(within(lines), tick, 10, shown),
        lines=tuple(lines),
    )
