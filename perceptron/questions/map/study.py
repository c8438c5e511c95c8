"""Which backend wins where, on two size axes: measured where the winner is uncertain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from perceptron.answer import Answer, Decided, Figure, Note, Page, Table, Verdict
from perceptron.errors import UserError, unknown
from perceptron.machine import usable_cores
from perceptron.measure.functions import AxisName
from perceptron.measure.job import Time
from perceptron.numbers import Quantity, count
from perceptron.problems.families import FAMILIES, Family
from perceptron.problems.problem import DType
from perceptron.questions.crossover.functions import Called, called, missing_calls, notes_of_any
from perceptron.questions.map.doubtful import next_cells
from perceptron.questions.map.grid import (
    Cell,
    CellGrid,
    log_grid,
    times_by_cell,
    whole_cells,
)
from perceptron.questions.map.judge import (
    TIED,
    UNDECIDED,
    UNKNOWN,
    MapCell,
    PhaseMap,
    map_figure,
    phase_map_of,
)
from perceptron.questions.shared.missing import missing, size_job
from perceptron.questions.shared.pairs import backends_over, require_backends
from perceptron.questions.shared.training import training_words
from perceptron.questions.study import DTYPE, Backends, Option, Over, Plan, Threads
from perceptron.records.measurement import AxisSize, Measurement
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import Row, times
from perceptron.statistics.over_processes import threads_in_all
from perceptron.statistics.select import usable_rows
from perceptron.statistics.sessions import Start, intervals_of, starts_of

MAPS = tuple(name for name, family in FAMILIES.items() if len(family.axes) == 2)
"""Families along two axes."""

# In quick mode the largest sizes, whose single iteration takes a second, are left out, ...
_QUICK_PART = 8  # ... at the upper end of either axis by this factor.
_MOST_POINTS = 64

Range = tuple[AxisSize, AxisSize]


class MapPlan(Plan, frozen=True, kw_only=True):
    """The sizes to map, and how closely."""

    usual_seconds: ClassVar[float] = 300.0
    family: Annotated[
        str,
        Option(
            "Choose mlp-map, batch-width or models-width. Default: mlp-map.",
            ("--family", "--families"),
            "NAME",
        ),
    ] = "mlp-map"
    functions: Annotated[
        str | None, Option("Map your own functions: see docs/functions.md.", metavar="FILE.py")
    ] = None
    points: Annotated[
        Annotated[int, Meta(ge=2, le=256)] | None,
        Option("Map N sizes along each axis. Default: 16; --quick: 8.", metavar="N"),
    ] = None
    backends: Backends = ()
    threads: Threads = None
    over: Over = ()
    dtype: Annotated[DType, DTYPE] = "float32"
    quick: Annotated[bool, Option("Measure a coarse map, within a minute.", ("--quick",))] = False
    x_range: Range | None = None
    """Ends of the first axis; those of the family's own sizes by default."""
    y_range: Range | None = None
    axes: tuple[AxisName, AxisName] = ("rows", "width")
    """The family's axes."""
    called: Called | None = None
    """What ``functions`` holds."""

    def resolved(self) -> MapPlan:
        """Return it with every default filled in; raises `UserError` naming an option."""
        if self.functions is not None:
            return self._of_functions(self.functions)
        if self.family not in FAMILIES:
            raise unknown("family", self.family, FAMILIES)
        family = FAMILIES[self.family]
        if self.family not in MAPS:
            raise UserError(
                f"family {self.family!r} varies along {len(family.axes)} axis and a map needs two: "
                f"choose from {', '.join(MAPS)}"
            )
        backends = backends_over(self.backends, self.over)
        threads = self.threads or usable_cores()
        require_backends(backends, threads)
        x, y = family.axes
        return replace(
            self,
            points=self._points(),
            backends=backends,
            threads=threads,
            over=(),
            x_range=self.x_range or _own_range(family, 0, self.quick),
            y_range=self.y_range or _own_range(family, 1, self.quick),
            axes=(x, y),
        )

    def _points(self) -> int:
        points = (8 if self.quick else 16) if self.points is None else self.points
        if not 2 <= points <= _MOST_POINTS:
            raise UserError(f"--points must be from 2 to {_MOST_POINTS}, got {points}")
        return points

    def _of_functions(self, file: str) -> MapPlan:
        why = "is about training: leave it out with --functions"
        self.refuse(why, "family", "backends", "over", "dtype")
        found = called(file, axes=2)
        (x_range, y_range), (x, y) = found.sizes, found.axes
        return replace(
            self,
            family=found.family,
            called=found,
            points=self._points(),
            threads=self.threads or usable_cores(),
            x_range=x_range,
            y_range=y_range,
            axes=(x, y),
        )

    @property
    def references(self) -> tuple[str, ...]:
        """The files of functions."""
        return (self.functions, *self.called.files) if self.functions and self.called else ()

    @property
    def budget_seconds(self) -> float:
        """A quick run is over in a minute."""
        return 60.0 if self.quick else self.usual_seconds

    @property
    def repeats(self) -> int:
        """Fresh processes that measure every cell."""
        return 2 if self.quick else 3

    @property
    def grid(self) -> CellGrid:
        """All cells. Raises ValueError for a range that does not ascend."""
        assert self.x_range is not None, "a plan that is resolved or was stored has ranges"
        assert self.y_range is not None
        return log_grid(self.x_range, self.y_range, self.points or _MOST_POINTS)


def _own_range(family: Family, axis: int, quick: bool) -> Range:
    values = [size[axis] for size in family.sizes]
    return min(values), max(values) // (_QUICK_PART if quick else 1)


class Map:
    """The study."""

    name: ClassVar[str] = "map"
    Plan: ClassVar[type[Plan]] = MapPlan
    query_fields: ClassVar[tuple[str, ...]] = ("family", "dtype", "threads")
    page: ClassVar[Page] = Page(
        "Map", "Which backend wins where, on two axes?", "No map was measured yet.", "one"
    )
    doing: ClassVar[str] = "mapping"

    def next(self, plan: MapPlan, rows: Sequence[Row], left: float) -> Sequence[Time]:
        """Choose cells round by round, as if from the start, up to a round that lacks rows.

        Each round's cells follow from the rows of the rounds before it, whatever else was measured:
        an interrupted map chooses the same cells again, and only what is missing is measured.
        """
        measured = times(rows)
        chosen: set[Cell] = set()
        while True:
            known = [row for row in measured if row.sizes in chosen]
            cells = next_cells(plan.grid, times_by_cell(known))
            jobs = _missing(plan, cells, measured)
            if jobs or chosen.issuperset(cells):
                return jobs
            chosen.update(cells)

    def answer(self, plan: MapPlan, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Judge every cell; those that were not measured lie between those that were."""
        own = usable_rows(run.folder, times(rows))
        if plan.x_range is None or plan.y_range is None:
            raise UserError(f"{run.folder / 'run.json'}, plan: it has no ranges of sizes")
        found = phase_map_of(own, plan.grid, plan.axes, run.others)
        known = times_by_cell(whole_cells(own))
        not_refined = len(next_cells(plan.grid, known)) if run.run.cut_short else 0
        starts = starts_of([*own, *run.others])
        told = _told(found, own[0], not_refined, run.run.machine, starts)
        if plan.called is None:
            return told
        notes = notes_of_any(plan.called)
        return replace(
            told, notes=(*told.notes, *map(Note, notes)), data=told.data | {"notes": notes}
        )


def _missing(plan: MapPlan, cells: Sequence[Cell], rows: list[Measurement]) -> Sequence[Time]:
    """Return the jobs of these cells that have no row."""
    if plan.functions is None or plan.called is None:
        return missing(_jobs(plan, cells), rows)
    wanted: dict[tuple[str, tuple[int, ...]], int] = {
        (name, cell): plan.repeats for cell in cells for name in plan.called.names
    }
    return missing_calls(plan.functions, plan.called, wanted, plan.threads or 1, rows, plan.quick)


def _jobs(plan: MapPlan, cells: Sequence[Cell]) -> list[Time]:
    """Return a job for every row of these cells."""
    problems = [FAMILIES[plan.family].problem(*cell) for cell in cells]
    return [
        size_job(problem.reference, backend, plan.dtype, plan.threads or 1, repeat, plan.quick)
        for repeat in range(plan.repeats)
        for problem in problems
        for backend in plan.backends
    ]


# --- in words ------------------------------------------------------------------------------------


def _told(
    found: PhaseMap,
    row: Measurement,
    not_refined: int,
    machine: str,
    starts: Collection[Start],
) -> Answer:
    how = training_words(row)
    notes = [Note(f"{name}: not measured: {why}.") for name, why in found.absent.items()]
    threads, cells = threads_in_all(found.threads, found.backends), len(found.cells)
    still_open = {UNDECIDED, UNKNOWN} & found.shares.keys()
    decided: Decided = "partly" if still_open else "yes"
    if found.shares.keys() == still_open:
        decided = "no"
    how_measured = f"{threads}, {found.dtype}" if found.dtype else threads
    return Answer(
        question=f"map of {found.family}",
        query=(("Family", found.family),),
        conditions=(
            ("dtype", found.dtype or "not stated"),
            ("Threads", str(found.threads or "not stated")),
        ),
        measured=f", {', '.join(filter(None, (how_measured, how)))}; "
        f"{found.cells_measured} of {cells} cells were measured, the others are interpolated and "
        "have no interval",
        verdicts=(
            Verdict(
                subject=found.family,
                decided=decided,
                sentence=found.summary,
                notes=tuple(_doubts(found, not_refined)),
                heading=f"{machine}, {how_measured}; {intervals_of(starts)}",
            ),
        ),
        notes=tuple(notes),
        tables=(cells_table(found), _borders_table(found)),
        figures=(
            Figure(title=f"{found.family}: which backend wins where", drawing=map_figure(found)),
        ),
        backends=tuple(found.backends),
        data={"map": found, "not_refined": not_refined, "machine": machine},
    )


def _doubts(found: PhaseMap, not_refined: int) -> Iterator[str]:
    """Yield why a map has no answer or cells have none, and what a longer run would measure."""
    if len(found.backends) < 2 and found.absent:
        yield f"why: {', '.join(f'{name}: {why}' for name, why in found.absent.items())}"
    alone = Counter(one.fastest for one in found.cells if one.measured and one.second is None)
    del alone[None]
    if len(found.backends) > 1 and alone:
        only = ", ".join(f"{name} in {number}" for name, number in alone.items())
        yield f"undecided: measured cells in which only one backend has a time: {only}"
    if not_refined:
        cells = "1 undecided cell" if not_refined == 1 else f"{count(not_refined)} undecided cells"
        yield f"why: no time was left to measure {cells}; next: a larger --budget"


def cells_table(found: PhaseMap) -> Table:
    """Return a letter for each winner and its lead: ``n 3.2``, 3.2 times as fast.

    The largest size of the second axis comes first, as on the figure.
    """
    (x, y), letters = found.axes, _letters(found.backends)
    cells = {(cell.x, cell.y): cell for cell in found.cells}
    marked = found.cells_measured < len(found.cells)
    return Table(
        title=f"{found.family}: the fastest backend",
        columns=(f"{y} ↑ {x} →>", *(f"{count(size)}>" for size in found.x_values)),
        rows=tuple(
            (high, *(_letter(cells[wide, high], letters, marked) for wide in found.x_values))
            for high in reversed(found.y_values)
        ),
        legend=_legend(found, letters),
        is_scale=True,
        is_grid=True,
    )


def _legend(found: PhaseMap, letters: dict[str, str]) -> str:
    """Return the legend of the table: its letters and signs."""
    meanings = [f"{letter} {backend}" for backend, letter in letters.items()]
    if any(cell.winner == TIED for cell in found.cells):
        meanings.append("= tie within 5%")
    if UNDECIDED in found.shares:
        meanings.append("? undecided")
    if UNKNOWN in found.shares:
        meanings.append("– no time")
    if found.cells_measured < len(found.cells):
        meanings.append("• measured")
    several = "; numbers: how many times as fast as the next" if len(found.backends) > 1 else ""
    return ", ".join(meanings) + several


def _letter(cell: MapCell, letters: dict[str, str], marked: bool) -> str | Quantity | None:
    if cell.fastest is None:
        return None
    mark = f"{'' if cell.decided == 'yes' else '?'}{'•' if marked and cell.measured else ''}"
    if cell.winner == TIED:
        return f"={mark}"
    letter = letters[cell.fastest]
    if cell.ratio is None:
        return f"{letter}{mark}"
    return Quantity(cell.ratio, digits=2, before=f"{letter} ", after=mark)


def _letters(backends: Sequence[str]) -> dict[str, str]:
    """Return a letter for each backend: the first of one of its words, else any of its own.

    Where all its letters are taken, the whole name.
    """
    letters: dict[str, str] = {}
    for backend in backends:
        initials = [word[0] for word in backend.split("-") if word]
        free = [letter for letter in [*initials, *backend] if letter not in letters.values()]
        letters[backend] = free[0] if free else backend
    return letters


def _borders_table(found: PhaseMap) -> Table:
    x, y = found.axes
    return Table(
        title="Where two backends take equal times",
        columns=("border", f"from {x}>", f"{y}>", f"to {x}>", f"{y}>"),
        rows=tuple(
            (
                " | ".join(border.backends),
                *(Quantity(value, digits=2) for value in (*line[0], *line[-1])),
            )
            for border in found.borders
            for line in border.lines
        ),
    )
