"""Which backend for my shape, on this machine, and from where on that changes: within seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, log
from pathlib import Path

from msgspec.structs import replace

from perceptron.analysis import advice
from perceptron.analysis.crossover.locator import Search, ask
from perceptron.analysis.select import times
from perceptron.analysis.what_if.devices import Device
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.measure.launch import Workers
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue, files, shape
from perceptron.problems.cost import operations
from perceptron.problems.families import FAMILIES
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement
from perceptron.studies import what_if
from perceptron.studies.shared.campaign import Task, run_tasks
from perceptron.studies.shared.opening import OpenRun, start_run
from perceptron.studies.shared.progress import Progress, after

# Processes for the problem itself, and for sizes beside it, of which the time allows so many more.
_PROCESSES = 3
_BESIDE = 2
# How far to look along an axis, as a factor to each side.
_REACH = 64
# A size whose iteration would take longer than this is not tried beside the problem.
_LONGEST_SECONDS = 0.03
# Seconds that starting the command, judging and printing take.
_ENDING = 2.0
_EFFORT = Effort(samples=5, minimum_seconds=0.005)


@dataclass(frozen=True)
class AdvisePlan:
    """A problem, by its reference, and how long to look."""

    problem: str
    backends: tuple[str, ...] = registry.DEFAULT
    dtype: DType = "float32"
    threads: int = 0
    """0 for all cores that this process may use."""
    iterations: int = 10_000
    seconds: float = 20.0

    def __post_init__(self) -> None:
        if not self.seconds < inf:
            raise UserError(f"--seconds takes a number of seconds, got {self.seconds}")
        object.__setattr__(self, "problem", catalogue.find(self.problem).name)
        for name in self.backends:
            registry.load(name)  # raises for a name that there is not
        object.__setattr__(self, "threads", self.threads or usable_cores())


@dataclass(frozen=True)
class Axis:
    """An axis through the problem, which stands at ``here`` on it."""

    words: str
    family: str
    reference: str
    here: int
    low: int
    high: int


def advise(
    plan: AdvisePlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    device: Device | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> advice.AdviceResult:
    """Measure the problem on every backend that can run here, then look along its axes.

    Ends after about ``plan.seconds``, or when there is nothing left to ask; the estimates of a
    ``device`` that is not here take a few seconds more. Raises `UserError` if the results folder
    cannot be written to.
    """
    if device is not None:
        what_if.require()
    deadline = clock() + plan.seconds - _ENDING
    problem = catalogue.find(plan.problem)
    about: dict[str, object] = {
        "study": "advise",
        "problem": plan.problem,
        "backends": list(plan.backends),
        "dtype": plan.dtype,
        "threads": plan.threads,
        "contents": files.fingerprints([plan.problem] if files.is_file(plan.problem) else []),
    }
    with (
        start_run(about, plan.backends, plan.threads, machine, results, quick=True) as run,
        Workers() as workers,
    ):
        look = _Look(plan, run, workers, progress, deadline, clock)
        look.measure([(plan.problem, backend) for backend in plan.backends], _PROCESSES)
        own = [row for row in run.journal.rows if row.problem == plan.problem]
        usable = [name for name in plan.backends if times(own, name)]
        lines = _axes(problem, own) if len(usable) > 1 else []
        while look.round(usable, lines):
            pass
        return advice.AdviceResult(
            advice=advice.advise(
                own,
                plan.backends,
                plan.problem,
                plan.iterations,
                [
                    advice.AxisRows(axis=line.words, here=line.here, rows=look.rows(line))
                    for line in lines
                ],
            ),
            rows=run.journal.rows,
            results=run.journal.folder,
            warnings=run.warnings(plan.threads),
            estimates=[]
            if device is None
            else what_if.estimates([plan.problem], plan.dtype, plan.threads, device)[plan.problem],
        )


class _Look:
    """Measuring against the clock."""

    def __init__(
        self,
        plan: AdvisePlan,
        run: OpenRun,
        workers: Workers,
        progress: Progress,
        deadline: float,
        clock: Callable[[], float],
    ) -> None:
        self._plan = plan
        self._run = run
        self._workers = workers
        self._progress = progress
        self._deadline = deadline
        self._clock = clock
        # Of one task in a worker that is there already, before any has shown how long it takes.
        self._seconds = 0.25

    def measure(self, wanted: Sequence[tuple[str, str]], processes: int) -> None:
        """Measure (problem, backend) pairs in so many processes, those that stay."""
        plan, journal = self._plan, self._run.journal
        tasks = [
            Task(
                problem=problem,
                backend=backend,
                dtype=plan.dtype,
                threads=plan.threads,
                process=process,
                group="advise",
                effort=_EFFORT,
            )
            for process in range(processes)
            for problem, backend in wanted
        ]
        progress = after(self._progress, len(journal.rows))
        run_tasks(tasks, journal, self._run.run, progress, self._workers)

    def round(self, backends: Sequence[str], lines: Sequence[Axis]) -> bool:
        """Ask once along each axis while there is time; False when nothing more was measured."""
        before = len(self._run.journal.rows)
        for place, line in enumerate(lines):
            begin = self._clock()
            share = (self._deadline - begin) / (len(lines) - place)
            affordable = int(share / (self._seconds * _BESIDE * len(backends)))
            sizes = self._asked(backends, line)[: max(0, affordable)]
            wanted = [pair for size in sizes for pair in size]
            if wanted:
                self.measure(wanted, _BESIDE)
                self._seconds = (self._clock() - begin) / (_BESIDE * len(wanted))
        return len(self._run.journal.rows) > before

    def rows(self, line: Axis) -> list[Measurement]:
        """The rows on an axis; the problem's own stand at its place on it."""
        return [
            replace(row, family=line.family, size=line.here)
            if row.problem == self._plan.problem
            else row
            for row in self._run.journal.rows
            if row.family == line.family or row.problem == self._plan.problem
        ]

    def _asked(self, backends: Sequence[str], line: Axis) -> list[list[tuple[str, str]]]:
        """The (problem, backend) pairs of each size asked for, the nearest size first."""
        rows = advice.whole_trainings(self.rows(line), self._plan.iterations)
        own = [row for row in rows if row.size == line.here]
        best = min(backends, key=lambda name: min(times(own, name).values()))
        search = Search(
            line.low, line.high, coarse=16.0, first=_BESIDE, enough=_BESIDE, most=_BESIDE
        )
        wanted: dict[int, set[str]] = {}
        for other in backends:
            for each in ask(rows, best, other, search) if other != best else ():
                if each.size != line.here:
                    wanted.setdefault(each.size, set()).update((best, other))
        nearest = sorted(wanted, key=lambda size: abs(log(size / line.here)))
        return [
            [
                (catalogue.find(f"{line.reference}:{size}").name, backend)
                for backend in sorted(wanted[size])
            ]
            for size in nearest
        ]


def _axes(problem: Problem, own: Sequence[Measurement]) -> list[Axis]:
    """What can be varied about a problem, and how far with short iterations only."""
    slowest = max(row.seconds for row in own if row.seconds is not None)
    found = []
    for words, family, reference, here, (low, high) in _lines(problem):
        while high > here and _seconds(problem, f"{reference}:{high}", slowest) > _LONGEST_SECONDS:
            high = max(here, high // 2)
        if low < high:
            found.append(Axis(words, family, reference, here, low, high))
    return found


def _lines(problem: Problem) -> list[tuple[str, str, str, int, tuple[int, int]]]:
    if shape.is_shape(problem.name):
        found = []
        own = shape.parse(problem.name)
        for axis in own.axes():
            family = own.family(axis)
            here = {
                "rows": own.rows,
                "features": own.features,
                "hidden": max(own.hidden, default=0),
            }[axis]
            if axis == "hidden" and set(own.hidden) != {here}:
                continue  # hidden layers of unequal width have no size in common
            span = (max(2, here // _REACH), here * _REACH)
            found.append((shape.axis_of(family) or axis, family, family, here, span))
        return found
    if files.is_file(problem.name):
        file, colon, _ = problem.name.rpartition(":")
        references = files.references(file) if colon else ()
        sizes = [catalogue.find(each).size for each in references]
        if len(sizes) < 2:
            return []
        return [("size", problem.family, file, problem.size, (min(sizes), max(sizes)))]
    if problem.family in FAMILIES and len(FAMILIES[problem.family].axes) == 1:
        known = FAMILIES[problem.family]
        sizes = [size for (size,) in known.sizes]
        span = (min(sizes), max(sizes))
        return [(known.axes[0], known.name, known.name, problem.size, span)]
    return []


def _seconds(problem: Problem, reference: str, seconds: float) -> float:
    """Roughly what an iteration of another problem takes, by its operations."""
    return seconds * operations(catalogue.find(reference)) / operations(problem)


def shape_reference(rows: int | None, features: int | None, hidden: Sequence[int]) -> str:
    """The reference of a shape given by numbers; raises `UserError` for one that is missing."""
    if rows is None or features is None:
        raise UserError("give --rows and --features (and --hidden), or --problem")
    return shape.Shape(rows, features, tuple(hidden)).reference
