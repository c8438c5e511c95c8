"""The study of maps: which backend wins at which two sizes, measured where that is uncertain."""

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

# Quick mode divides the upper end of either axis by this: there one iteration takes a second.
_QUICK_PART = 8
_MOST_POINTS = 64

Range = tuple[AxisSize, AxisSize]


class MapPlan(Plan, frozen=True, kw_only=True):
    """The sizes to map, and the number of points along each axis."""

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
    """Ends of the first axis; by default those of the family's sizes."""
    y_range: Range | None = None
    axes: tuple[AxisName, AxisName] = ("rows", "width")
    """The family's axes."""
    called: Called | None = None
    """The functions in the file ``functions``."""

    def resolved(self) -> MapPlan:
        """Return the plan with every default filled in; raise `UserError` for a bad option."""
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
        called_functions = called(file, axes=2)
        (x_range, y_range), (x, y) = called_functions.sizes, called_functions.axes
        return replace(
            self,
            family=called_functions.family,
            called=called_functions,
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
        """The default budget in seconds: a minute for a quick run."""
        return 60.0 if self.quick else self.usual_seconds

    @property
    def repeats(self) -> int:
        """Number of fresh processes that measure each cell."""
        return 2 if self.quick else 3

    @property
    def grid(self) -> CellGrid:
        """All cells; raises ValueError for a range that does not ascend."""
        assert self.x_range is not None, "a plan that is resolved or was stored has ranges"
        assert self.y_range is not None
        return log_grid(self.x_range, self.y_range, self.points or _MOST_POINTS)


def _own_range(family: Family, axis: int, quick: bool) -> Range:
    values = [size[axis] for size in family.sizes]
    return min(values), max(values) // (_QUICK_PART if quick else 1)


class Map:
    """The study of maps."""

    name: ClassVar[str] = "map"
    Plan: ClassVar[type[Plan]] = MapPlan
    query_fields: ClassVar[tuple[str, ...]] = ("family", "dtype", "threads")
    page: ClassVar[Page] = Page(
        "Map", "Which backend wins where, on two axes?", "No map was measured yet.", "one"
    )
    doing: ClassVar[str] = "mapping"

    def next(self, plan: MapPlan, rows: Sequence[Row], left: float) -> Sequence[Time]:
        """Return the missing jobs of the first round of cells that has any.

        Rounds are replayed from the start, each from the rows of those before it only: so an
        interrupted map chooses the same cells again, and measures what is missing.
        """
        measured = times(rows)
        chosen: set[Cell] = set()
        while True:
            chosen_rows = [row for row in measured if row.sizes in chosen]
            cells = next_cells(plan.grid, times_by_cell(chosen_rows))
            jobs = _missing(plan, cells, measured)
            if jobs or chosen.issuperset(cells):
                return jobs
            chosen.update(cells)

    def answer(self, plan: MapPlan, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Judge every cell, measured or interpolated."""
        own_rows = usable_rows(run.folder, times(rows))
        if plan.x_range is None or plan.y_range is None:
            raise UserError(f"{run.folder / 'run.json'}, plan: it has no ranges of sizes")
        phase_map = phase_map_of(own_rows, plan.grid, plan.axes, run.others)
        times_so_far = times_by_cell(whole_cells(own_rows))
        not_refined = len(next_cells(plan.grid, times_so_far)) if run.run.cut_short else 0
        starts = starts_of([*own_rows, *run.others])
        answer = _answer(phase_map, own_rows[0], not_refined, run.run.machine, starts)
        if plan.called is None:
            return answer
        notes = notes_of_any(plan.called)
        return replace(
            answer, notes=(*answer.notes, *map(Note, notes)), data=answer.data | {"notes": notes}
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


def _answer(
    phase_map: PhaseMap,
    row: Measurement,
    not_refined: int,
    machine: str,
    starts: Collection[Start],
) -> Answer:
    how = training_words(row)
    notes = [Note(f"{name}: not measured: {why}.") for name, why in phase_map.absent.items()]
    threads, cells = threads_in_all(phase_map.threads, phase_map.backends), len(phase_map.cells)
    still_open = {UNDECIDED, UNKNOWN} & phase_map.shares.keys()
    decided: Decided = "partly" if still_open else "yes"
    if phase_map.shares.keys() == still_open:
        decided = "no"
    how_measured = f"{threads}, {phase_map.dtype}" if phase_map.dtype else threads
    return Answer(
        question=f"map of {phase_map.family}",
        query=(("Family", phase_map.family),),
        conditions=(
            ("dtype", phase_map.dtype or "not stated"),
            ("Threads", str(phase_map.threads or "not stated")),
        ),
        measured=f", {', '.join(filter(None, (how_measured, how)))}; "
        f"{phase_map.cells_measured} of {cells} cells were measured, the others are interpolated "
        "and have no interval",
        verdicts=(
            Verdict(
                subject=phase_map.family,
                decided=decided,
                sentence=phase_map.summary,
                notes=tuple(_doubts(phase_map, not_refined)),
                heading=f"{machine}, {how_measured}; {intervals_of(starts)}",
            ),
        ),
        notes=tuple(notes),
        tables=(cells_table(phase_map), _borders_table(phase_map)),
        figures=(
            Figure(
                title=f"{phase_map.family}: which backend wins where", drawing=map_figure(phase_map)
            ),
        ),
        backends=tuple(phase_map.backends),
        data={"map": phase_map, "not_refined": not_refined, "machine": machine},
    )


def _doubts(phase_map: PhaseMap, not_refined: int) -> Iterator[str]:
    """Yield notes on missing backends and undecided cells, and what a longer run would measure."""
    if len(phase_map.backends) < 2 and phase_map.absent:
        yield f"why: {', '.join(f'{name}: {why}' for name, why in phase_map.absent.items())}"
    alone = Counter(
        cell.fastest for cell in phase_map.cells if cell.measured and cell.second is None
    )
    del alone[None]
    if len(phase_map.backends) > 1 and alone:
        only = ", ".join(f"{name} in {number}" for name, number in alone.items())
        yield f"undecided: measured cells in which only one backend has a time: {only}"
    if not_refined:
        cells = "1 undecided cell" if not_refined == 1 else f"{count(not_refined)} undecided cells"
        yield f"why: no time was left to measure {cells}; next: a larger --budget"


def cells_table(phase_map: PhaseMap) -> Table:
    """Return the table of each cell's winner, as a letter, and its lead: ``n 3.2``, 3.2× as fast.

    The largest size of the second axis comes first, as in the figure.
    """
    (x, y), letters = phase_map.axes, _letters(phase_map.backends)
    cells = {(cell.x, cell.y): cell for cell in phase_map.cells}
    marked = phase_map.cells_measured < len(phase_map.cells)
    return Table(
        title=f"{phase_map.family}: the fastest backend",
        columns=(f"{y} ↑ {x} →>", *(f"{count(size)}>" for size in phase_map.x_values)),
        rows=tuple(
            (high, *(_letter(cells[wide, high], letters, marked) for wide in phase_map.x_values))
            for high in reversed(phase_map.y_values)
        ),
        legend=_legend(phase_map, letters),
        is_scale=True,
        is_grid=True,
    )


def _legend(phase_map: PhaseMap, letters: dict[str, str]) -> str:
    """Return the legend of the table's letters and signs."""
    meanings = [f"{letter} {backend}" for backend, letter in letters.items()]
    if any(cell.winner == TIED for cell in phase_map.cells):
        meanings.append("= tie within 5%")
    if UNDECIDED in phase_map.shares:
        meanings.append("? undecided")
    if UNKNOWN in phase_map.shares:
        meanings.append("– no time")
    if phase_map.cells_measured < len(phase_map.cells):
        meanings.append("• measured")
    several = "; numbers: how many times as fast as the next" if len(phase_map.backends) > 1 else ""
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
    """Return a unique letter for each backend: an initial of its words, else any of its letters.

    If all its letters are taken, the whole name is used.
    """
    letters: dict[str, str] = {}
    for backend in backends:
        initials = [word[0] for word in backend.split("-") if word]
        free = [letter for letter in [*initials, *backend] if letter not in letters.values()]
        letters[backend] = free[0] if free else backend
    return letters


def _borders_table(phase_map: PhaseMap) -> Table:
    x, y = phase_map.axes
    return Table(
        title="Where two backends take equal times",
        columns=("border", f"from {x}>", f"{y}>", f"to {x}>", f"{y}>"),
        rows=tuple(
            (
                " | ".join(border.backends),
                *(Quantity(value, digits=2) for value in (*line[0], *line[-1])),
            )
            for border in phase_map.borders
            for line in border.lines
        ),
    )
