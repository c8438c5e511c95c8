"""Measure random trainings on every backend, then ask `perceptron.fastest` about some of them.

It is asked knowing what others take, or nothing at all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

import perceptron
from benchmarks.validation import lines
from benchmarks.validation.fastest.trainings import BUDGET_SECONDS, FastestPlan, Training
from perceptron.analysis.cost_curve import fit
from perceptron.analysis.fastest import Advice
from perceptron.environment_variables import variables_set
from perceptron.measure import campaign
from perceptron.measure.budget import Budget, Progress
from perceptron.measure.job import Time
from perceptron.measure.timing import Effort
from perceptron.problems import shape
from perceptron.problems.problem import DType
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.records.row import Row
from perceptron.records.row import times as times_of
from perceptron.records.store import RunJournal
from perceptron.studies.carry_out import require_rows, start_run
from perceptron.studies.fastest import cache, here
from perceptron.studies.fastest.cache import KnownBackend
from perceptron.studies.fastest.question import Question, question
from perceptron.studies.fastest.results import known_rows
from perceptron.studies.shared.missing import missing

ANSWERS = "answers.jsonl"
"""Beside the rows of a run: what `perceptron.fastest` answered."""
_SECONDS = 5.0
# Asking who can run here, once for all answers that know it.
_SECONDS_TO_ASK = 60.0


class Way(Struct, frozen=True):
    """A way to ask `perceptron.fastest`."""

    measure: Literal["never", "cached", "now"]
    knows_others: bool
    """Whether it knows what other trainings take on this machine; else it knows nothing."""
    of_default: bool = False
    """Whether about the backends that are advised unless others are named; else all of a plan."""

    @property
    def name(self) -> str:
        """The argument, and what else sets this way apart."""
        nothing = "" if self.knows_others else ", knowing nothing"
        return f"{self.measure}{nothing}{', default backends' if self.of_default else ''}"


NEVER = Way("never", knows_others=True)
CACHED = Way("cached", knows_others=True)
NOW = Way("now", knows_others=True)
COLD = Way("now", knows_others=False)
COLD_DEFAULT = Way("now", knows_others=False, of_default=True)
WAYS = (CACHED, NOW, COLD_DEFAULT, COLD)
"""Those that may measure, so that somebody has to ask."""


class Pick(Struct, frozen=True, kw_only=True):
    """What `perceptron.fastest` said of one training, and what it was not told."""

    reference: str
    epochs: int
    way: Way = COLD
    """How it was asked."""
    backend: str
    sure: bool
    seconds: float | None = None
    """Of the whole training, as it said."""
    low: float | None = None
    high: float | None = None
    source: str
    """``measured``, ``estimated`` or ``unknown``."""


Ask = Callable[[Training, Way], Pick]
"""Ask which backend trains this fastest in one of the ways."""


class Product:
    """`perceptron.fastest` itself, with a cache that holds what other trainings took, or nothing.

    Nothing that was measured of the training that is asked about is in it, nor in the folder of
    results that it may read.
    """

    def __init__(
        self, plan: FastestPlan, rows: Iterable[Measurement], environment: Environment
    ) -> None:
        self._plan = plan
        python = {"python": environment.python.rpartition(" ")[2]}
        self._rows = known_rows("", rows, {**environment.libraries, **python})
        self._backends: Mapping[str, KnownBackend] | None = None

    def __call__(self, training: Training, way: Way) -> Pick:
        """Ask it; what is measured for the answer is forgotten."""
        among = None if way.of_default else self._plan.backends
        told = arguments(training, among, self._plan.dtype, self._plan.threads)
        with _own_memory() as empty:
            if way.knows_others:
                self._remember(question(**told, measure=way.measure, seconds=_SECONDS))
            advice = perceptron.fastest(
                **told, measure=way.measure, seconds=_SECONDS, results=empty
            )
        return pick_of(training, advice, way)

    def _remember(self, asked: Question) -> None:
        others = [one for one in self._rows if one.row.work.shape != asked.work.shape]
        alike = [
            one.row for one in others if (one.dtype, one.threads) == (asked.dtype, asked.threads)
        ]
        key, curves = cache.alike(asked.dtype, asked.threads), fit(alike)
        if self._backends is None:
            self._backends = here.ask_elsewhere(self._plan.backends, _SECONDS_TO_ASK)
        backends = self._backends
        cache.update(
            cache.cache_file(),
            lambda known: known.with_rows(others).with_curves(key, curves).with_backends(backends),
        )


def arguments(
    training: Training, backends: Sequence[str] | None, dtype: DType, threads: int
) -> dict[str, Any]:
    """Return what `perceptron.fastest` is asked, but for how it may find out.

    ``backends`` is None for those that it advises unless others are named.
    """
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
        "among": None if backends is None else tuple(backends),
        "dtype": dtype,
        "threads": threads,
    }


def pick_of(training: Training, advice: Advice, way: Way) -> Pick:
    """Return what is kept of an answer."""
    return Pick(
        reference=training.reference,
        epochs=training.epochs,
        way=way,
        backend=advice.backend,
        sure=advice.decided,
        seconds=advice.seconds,
        low=advice.low,
        high=advice.high,
        source=advice.source,
    )


def ask_all(
    plan: FastestPlan,
    journal: RunJournal,
    facts: Environment,
    budget: Budget,
    progress: Progress,
    ask: Ask | None = None,
) -> int:
    """Ask about the first trainings in every way, as far as there is time; return what is left.

    Answers that lie beside the run's rows already are not asked for again.
    """
    ask = ask or Product(plan, journal.times, facts)
    folder = journal.folder
    answered = {(pick.way, pick.reference) for pick in lines.read(folder / ANSWERS, Pick)}
    todo = [
        (way, training)
        for way in WAYS
        for training in plan.trainings[: plan.asked if way.knows_others else plan.asked_cold]
        if (way, training.reference) not in answered
    ]
    with lines.appending(folder / ANSWERS) as write:
        for index, (way, training) in enumerate(todo):
            if budget.is_over:
                return len(todo) - index
            whole = budget.spent + min(budget.left, (len(todo) - index) * _SECONDS)
            progress(budget.spent, whole, f"asking: {training.reference}")
            write(ask(training, way))
            journal.note_spent(budget.spent)
    return 0


@contextmanager
def _own_memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="perceptron-") as folder:
        memory, results = Path(folder, "memory"), Path(folder, "results")
        memory.mkdir()
        results.mkdir()
        with variables_set({cache.FOLDER: str(memory)}):
            yield results


# Of the time for the trainings themselves; the rest is for asking.
_TIMES_SHARE = 0.48
_EFFORT = Effort(samples=5, minimum_seconds=0.01)


def measure(
    plan: FastestPlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    budget_seconds: float = BUDGET_SECONDS,
    ask: Ask | None = None,
) -> Path:
    """Measure the plan, or resume it where it was interrupted; return the run's folder.

    It takes at most ``budget_seconds``, all starts together. ``machine``
    names the folder of the results; None for the host's name. Raises `UserError` if the results
    folder cannot be written to, or if there was no time for anything.
    """
    budget = Budget.of_study(budget_seconds)
    every = jobs(plan)

    def want(rows: Sequence[Row], left: float) -> list[Time]:
        return missing(every, times_of(rows))

    with start_run(
        plan.as_json(), plan.backends, plan.threads, machine, results, False, budget
    ) as (journal, run, facts):
        for_times = Budget(budget.spent + _TIMES_SHARE * budget.left, budget.spent)
        whole = campaign.carry_out(want, journal, run, for_times, progress)
        budget.abandoned = for_times.abandoned
        unasked = ask_all(plan, journal, facts, budget, progress, ask)
        budget.cut_short = not whole or unasked > 0
        require_rows(journal, budget)
        return journal.folder


def jobs(plan: FastestPlan) -> list[Time]:
    """Return a job for every row: each process has all trainings, backends side by side."""
    return [
        Time(
            problem=training.reference,
            backend=backend,
            dtype=plan.dtype,
            threads=plan.threads,
            repeat=repeat,
            samples=_EFFORT.samples,
            minimum_seconds=_EFFORT.minimum_seconds,
            lasts=False,
        )
        for repeat in range(plan.processes)
        for training in plan.trainings
        for backend in plan.backends
    ]
