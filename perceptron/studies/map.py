"""The phase map of a family with two sizes: measured where the winner is uncertain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from perceptron.analysis.phase_map.grid import Cell, CellGrid, cell_of, log_grid, times_by_cell
from perceptron.analysis.phase_map.phase_map import MapResult, phase_map_of
from perceptron.analysis.phase_map.quadtree import next_cells, not_refined
from perceptron.backends import registry
from perceptron.errors import UserError, unknown
from perceptron.machine import usable_cores
from perceptron.measure.launch import Workers
from perceptron.measure.progress import Progress, prefixed
from perceptron.measure.timing import Effort
from perceptron.problems.families import FAMILIES, Family
from perceptron.problems.problem import DType
from perceptron.records.measurement import Measurement
from perceptron.studies.shared.budget import study_budget
from perceptron.studies.shared.campaign import run_tasks
from perceptron.studies.shared.opening import OpenRun, plain, start_run
from perceptron.studies.shared.over_processes import require_backends
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.task import Task

MAPS = tuple(name for name, family in FAMILIES.items() if len(family.axes) == 2)
"""Families along two axes."""
MAP = "mlp-map"
"""The one that is mapped unless another is named."""

Range = tuple[int, int]

# In quick mode the largest sizes, whose single iteration takes a second, are left out, ...
_QUICK_PART = 8  # ... at the upper end of either axis by this factor.
_MOST_POINTS = 64


@dataclass(frozen=True)
class MapPlan:
    """What to map and how closely; equal plans are the same run."""

    family: str = MAP
    x_range: Range | None = None
    """Ends of the first axis; None for those of the family's own sizes."""
    y_range: Range | None = None
    points: int = 0
    """Along each axis; 0 for 16, or 8 in quick mode."""
    backends: tuple[str, ...] = registry.DEFAULT
    dtype: DType = "float32"
    threads: int = 0
    """0 for all cores that this process may use."""
    quick: bool = False

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise unknown("family", self.family, FAMILIES)
        if self.family not in MAPS:
            axes = len(FAMILIES[self.family].axes)
            raise UserError(
                f"family {self.family!r} varies along {axes} axis and a map needs two: "
                f"choose from {', '.join(MAPS)}"
            )
        if self.threads < 0:
            raise UserError(f"--threads must be at least 1, got {self.threads}")
        require_backends(self.backends, self.threads)
        object.__setattr__(self, "threads", self.threads or usable_cores())
        object.__setattr__(self, "points", self.points or (8 if self.quick else 16))
        if not 2 <= self.points <= _MOST_POINTS:
            raise UserError(f"--points must be from 2 to {_MOST_POINTS}, got {self.points}")
        for axis, field in enumerate(("x_range", "y_range")):
            given = getattr(self, field) or _own_range(FAMILIES[self.family], axis, self.quick)
            if not 1 <= given[0] < given[1]:
                name = FAMILIES[self.family].axes[axis]
                raise UserError(f"{name} must ascend from at least 1, got {given[0]} to {given[1]}")
            object.__setattr__(self, field, given)

    @property
    def axes(self) -> tuple[str, str]:
        x, y = FAMILIES[self.family].axes
        return x, y

    @property
    def grid(self) -> CellGrid:
        assert self.x_range is not None, "filled when made"
        assert self.y_range is not None, "filled when made"
        return log_grid(self.x_range, self.y_range, self.points)

    @property
    def processes(self) -> int:
        return 2 if self.quick else 3

    @property
    def budget_seconds(self) -> float:
        """What it may take unless the user says otherwise."""
        return 60.0 if self.quick else 300.0

    @property
    def effort(self) -> Effort:
        return Effort(samples=5, minimum_seconds=0.005 if self.quick else 0.01)


def map_family(
    plan: MapPlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    budget_seconds: float | None = None,
    quiet: Quiet = LOOK_ONCE,
) -> MapResult:
    """Measure the map, or resume it where it was interrupted, and judge it.

    It takes at most ``budget_seconds``, by default the plan's, all starts together. ``machine``
    names the folder of the results; None for the host's name. Raises `UserError` if the results
    folder cannot be written to, or if there was no time for anything.
    """
    require_backends(plan.backends, plan.threads)
    budget = study_budget(budget_seconds or plan.budget_seconds)
    as_json = plain(plan) | {
        "study": "map",
        "processes": plan.processes,
        "axes": list(plan.axes),
    }
    with start_run(
        as_json, plan.backends, plan.threads, machine, results, plan.quick, budget, quiet=quiet
    ) as run:
        budget.cut_short = not _measure(plan, run, progress)
        run.require_rows()
        return MapResult(
            map=phase_map_of(run.journal.times, plan.grid, plan.axes),
            machine=run.run.machine,
            results=run.journal.folder,
            environment=run.environment,
            rows=run.journal.times,
            warnings=run.warnings(plan.threads),
            not_refined=not_refined(plan.grid, run.journal.times) if budget.cut_short else 0,
            budget=budget.use,
        )


def _measure(plan: MapPlan, run: OpenRun, progress: Progress) -> bool:
    """Choose cells and measure them, round by round, until none is chosen or the time is over.

    The same processes measure all rounds. Each round's cells follow from the rows of the rounds
    before it, whatever else the journal holds: an interrupted map chooses the same cells again,
    and only what is missing is measured. Return whether there was time for all.
    """
    journal, budget = run.journal, run.budget
    chosen: set[Cell] = set()
    rounds = 0
    with Workers(budget.until_abandoned) as workers:
        while cells := next_cells(plan.grid, times_by_cell(_of_cells(journal.times, chosen))):
            is_new = not chosen.issuperset(cells)
            chosen.update(cells)
            rounds += 1
            named = prefixed(progress, f"round {rounds}: ")
            before = len(journal.times)
            if run_tasks(tasks(plan, cells, rounds), journal, run.run, named, budget, workers):
                return False
            if not is_new and len(journal.times) == before:
                return False  # backends that hang are not tried again: all would stay as it is
    return True


def _of_cells(rows: Iterable[Measurement], cells: set[Cell]) -> list[Measurement]:
    return [row for row in rows if cell_of(row) in cells]


def tasks(plan: MapPlan, cells: Sequence[Cell], number: int) -> list[Task]:
    """Return a task for every row of one round of cells."""
    family = FAMILIES[plan.family]
    problems = [family.problem(*cell) for cell in cells]
    return [
        Task(
            problem=problem,
            backend=backend,
            dtype=plan.dtype,
            threads=plan.threads,
            process=process,
            group=f"round {number}",
            effort=plan.effort,
        )
        for process in range(plan.processes)
        for problem in problems
        for backend in plan.backends
    ]


def _own_range(family: Family, axis: int, quick: bool) -> Range:
    values = [size[axis] for size in family.sizes]
    return min(values), max(values) // (_QUICK_PART if quick else 1)
