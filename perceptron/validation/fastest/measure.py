"""Measure random trainings on every backend, then ask `perceptron.fastest` about some of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

import msgspec

import perceptron
from perceptron.analysis.fastest import Advice
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import usable_cores
from perceptron.measure.timing import Effort
from perceptron.problems import shape
from perceptron.problems.problem import DType
from perceptron.records.files.append import append, cannot_write, cut_unfinished
from perceptron.studies.fastest.cache import FOLDER as CACHE
from perceptron.studies.shared.budget import Budget, study_budget
from perceptron.studies.shared.campaign import run_tasks
from perceptron.studies.shared.opening import OpenRun, start_run
from perceptron.studies.shared.progress import Progress, prefixed
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.task import Task
from perceptron.validation.fastest.record import Pick
from perceptron.validation.fastest.shapes import Training, draw

STUDY = "fastest"
ANSWERS = "answers.jsonl"
"""Beside the rows of a run: what `perceptron.fastest` answered when it had to measure."""
AMONG = ("numpy", "torch-cpu", "torch-cpu-manual", "numba", "jax-cpu")
_FEWEST = 2
# Of the time for the trainings themselves; the rest is for asking.
_TIMES_SHARE = 0.6
_SECONDS = 5.0
_EFFORT = Effort(samples=5, minimum_seconds=0.01)


@dataclass(frozen=True)
class FastestPlan:
    """What to measure; equal plans are the same run.

    So many random ``trainings``, those that follow ``seed``, on ``backends`` in so many fresh
    ``processes`` each; the first ``asked`` are asked about with ``measure="now"``.
    """

    trainings: int = 72
    asked: int = 72
    seed: int = 1
    backends: tuple[str, ...] = ()
    """Empty: those of `AMONG` that can run here."""
    dtype: DType = "float32"
    threads: int = 0
    """0 for all cores that this process may use."""
    processes: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "threads", self.threads or usable_cores())
        chosen = self.backends or AMONG
        here = tuple(name for name in chosen if registry.reason_unavailable(name) is None)
        if len(here) < _FEWEST:
            raise UserError(
                f"--fastest: fewer than two of {', '.join(chosen)} can run here: see `perceptron "
                "backends`"
            )
        object.__setattr__(self, "backends", here)

    @property
    def budget_seconds(self) -> float:
        """What it may take unless the user says otherwise."""
        return 1200.0

    def as_json(self) -> dict[str, object]:
        """Return the plan as a run keeps it: with what was drawn, which later code may draw not."""
        return {
            "study": STUDY,
            "trainings": [[own.reference, own.epochs] for own in draw(self.trainings, self.seed)],
            "asked": self.asked,
            "seed": self.seed,
            "backends": list(self.backends),
            "dtype": self.dtype,
            "threads": self.threads,
            "processes": self.processes,
        }


class Ask(Protocol):
    """Ask which backend trains this fastest, without looking at what was measured before."""

    def __call__(self, training: Training, plan: FastestPlan) -> Pick: ...


def measure(
    plan: FastestPlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    budget_seconds: float | None = None,
    quiet: Quiet = LOOK_ONCE,
    ask: Ask | None = None,
) -> Path:
    """Measure the plan, or resume it where it was interrupted; return the run's folder.

    It takes at most ``budget_seconds``, by default the plan's, all starts together. ``machine``
    names the folder of the results; None for the host's name. Raises `UserError` if the results
    folder cannot be written to, or if there was no time for anything.
    """
    budget = study_budget(budget_seconds or plan.budget_seconds)
    trainings = draw(plan.trainings, plan.seed)
    with start_run(
        plan.as_json(), plan.backends, plan.threads, machine, results, False, budget, quiet=quiet
    ) as run:
        for_times = budget.part(_TIMES_SHARE)
        every = tasks(plan, trainings)
        left = run_tasks(every, run.journal, run.run, progress, for_times, later=())
        unasked = _ask_now(plan, trainings, run, budget, progress, ask or ask_product)
        budget.cut_short = bool(left) or unasked > 0
        run.require_rows()
        return run.journal.folder


def tasks(plan: FastestPlan, trainings: Sequence[Training]) -> list[Task]:
    """Return a task for every row: each process has all trainings, backends side by side."""
    problems = [training.problem for training in trainings]
    return [
        Task(
            problem=problem,
            backend=backend,
            dtype=plan.dtype,
            threads=plan.threads,
            process=process,
            group="trainings",
            effort=_EFFORT,
        )
        for process in range(plan.processes)
        for problem in problems
        for backend in plan.backends
    ]


def arguments(
    training: Training, backends: Sequence[str], dtype: DType, threads: int
) -> dict[str, Any]:
    """Return what `perceptron.fastest` is asked, but for how it may find out."""
    asked = shape.parse(training.reference)
    return {
        "rows": asked.rows,
        "features": asked.features,
        "hidden": asked.hidden,
        "classes": asked.classes,
        "batch": asked.batch,
        "optimizer": asked.optimizer,
        "epochs": training.epochs,
        "models": asked.models,
        "among": tuple(backends),
        "dtype": dtype,
        "threads": threads,
    }


def ask_product(training: Training, plan: FastestPlan) -> Pick:
    """Ask `perceptron.fastest` itself, which measures within seconds and has no results to read."""
    asked = arguments(training, plan.backends, plan.dtype, plan.threads)
    with _without_memory() as empty:
        advice = perceptron.fastest(**asked, measure="now", seconds=_SECONDS, results=empty)
    return pick_of(training, advice)


def pick_of(training: Training, advice: Advice, enough: bool = True) -> Pick:
    """Return what is kept of an answer."""
    return Pick(
        reference=training.reference,
        epochs=training.epochs,
        backend=advice.backend,
        sure=advice.sure,
        seconds=advice.seconds,
        low=advice.low,
        high=advice.high,
        source=advice.source,
        enough=enough,
    )


@contextmanager
def _without_memory() -> Iterator[Path]:
    """Give `perceptron.fastest` an empty cache, and an empty folder in place of the results."""
    before = os.environ.get(CACHE)
    with tempfile.TemporaryDirectory(prefix="perceptron-") as folder:
        os.environ[CACHE] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ[CACHE]
            if before is not None:
                os.environ[CACHE] = before


def read_answers(run: Path) -> list[Pick]:
    """Return the answers that lie beside a run's rows; a last line that is incomplete is none.

    Raises `UserError` naming a line that is no answer.
    """
    file = run / ANSWERS
    if not file.exists():
        return []
    picks = []
    for number, line in enumerate(file.read_bytes().splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            break
        try:
            picks.append(msgspec.json.decode(line, type=Pick))
        except msgspec.DecodeError as error:
            raise UserError(f"{file}, line {number}: not an answer: {error}") from None
    return picks


def _ask_now(
    plan: FastestPlan,
    trainings: Sequence[Training],
    run: OpenRun,
    budget: Budget,
    progress: Progress,
    ask: Ask,
) -> int:
    """Ask about the first trainings, as far as there is time; return how many are left."""
    folder = run.journal.folder
    answered = {pick.reference for pick in read_answers(folder)}
    todo = [own for own in trainings[: plan.asked] if own.reference not in answered]
    named = prefixed(progress, "asking: ")
    with appending(folder) as stream:
        for index, training in enumerate(todo):
            if budget.is_over:
                return len(todo) - index
            seconds_left = (len(todo) - index) * _SECONDS
            named(budget.spent, budget.spent + min(budget.left, seconds_left), training.reference)
            append(stream, ask(training, plan))
            run.journal.note_spent(budget.spent)
    return 0


@contextmanager
def appending(folder: Path) -> Iterator[FileIO]:
    """Open the file of answers in a run's folder, after its last whole line.

    Raises `UserError` if it cannot be written to.
    """
    try:
        with FileIO(folder / ANSWERS, "a") as stream:
            cut_unfinished(stream)
            yield stream
    except OSError as error:
        raise cannot_write(folder, error) from None
