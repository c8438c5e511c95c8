"""Which backend has a model trained first: races to a target, from a fresh process and resident."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from perceptron.analysis.race.result import (
    Competitor,
    RaceResult,
    has_raced,
    race_runs,
    race_warnings,
)
from perceptron.analysis.trust import damaged_line_warning
from perceptron.backends import registry
from perceptron.measure.job import Job
from perceptron.measure.launch import Abandoned, run_job
from perceptron.measure.race.messages import RaceJob
from perceptron.measure.race.process import run_race
from perceptron.problems.problem import DType
from perceptron.records.measurement import was_killed
from perceptron.records.race import RaceDType, RaceRow, RaceTimes
from perceptron.records.races import RaceJournal, open_races
from perceptron.records.run import now
from perceptron.studies.race.plan import RacePlan
from perceptron.studies.shared.budget import Budget, study_budget
from perceptron.studies.shared.opening import OpenRun, contents, plain, start_run
from perceptron.studies.shared.over_processes import require_backends
from perceptron.studies.shared.progress import Progress
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.task import backend_fields

BUDGET_SECONDS = 180.0


def race(
    plan: RacePlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    budget_seconds: float | None = None,
    quiet: Quiet = LOOK_ONCE,
) -> RaceResult:
    """Race, or resume a race that was interrupted, and judge it.

    It takes at most ``budget_seconds``, by default `BUDGET_SECONDS`, all starts together; the last
    seeds are what it cuts. Raises `UserError` if the results folder cannot be written to, or if
    there was no time for anything.
    """
    require_backends(plan.backends, plan.threads)
    budget = study_budget(budget_seconds or BUDGET_SECONDS)
    as_json = plain(plan) | {"study": "race", "contents": contents([plan.problem])}
    with (
        start_run(
            as_json, plan.backends, plan.threads, machine, results, False, budget, quiet=quiet
        ) as run,
        open_races(run.journal.folder) as journal,
    ):
        # A start that measured nothing must not leave the next one without time.
        if any(row.status != "skipped" for row in journal.rows):
            budget.resume(run.journal.spent_seconds)
        budget.cut_short = not _Race(plan, run, journal, progress).run()
        run.require_rows(journal.rows)
        return RaceResult(
            problem=plan.problem.name,
            target=plan.goal,
            epochs=plan.epochs,
            iterations_per_epoch=plan.problem.iterations_per_epoch,
            check_iterations=plan.check_iterations,
            threads=plan.threads,
            runs=race_runs(journal.rows, plan.competitors),
            rows=journal.rows,
            machine=run.run.machine,
            environment=run.environment,
            results=run.journal.folder,
            warnings=[
                *map(damaged_line_warning, journal.complaints),
                *run.warnings(plan.threads),
                *race_warnings(journal.rows),
            ],
            budget=budget.use,
        )


class _Race:
    """The races that a journal has no rows for, a seed of all competitors after the other."""

    def __init__(
        self, plan: RacePlan, run: OpenRun, journal: RaceJournal, progress: Progress
    ) -> None:
        self._plan = plan
        self._run = run
        self._journal = journal
        self._progress = progress
        self._budget: Budget = run.budget
        self._shuffle = random.Random(f"{run.run.started} {len(journal.rows)}")
        self._took: dict[Competitor, float] = {}
        """The longest that a race took in this start, seconds of the clock on the wall."""

    def run(self) -> bool:
        """Race as long as there is time; return whether there was enough."""
        self._report("starting")
        fit = [name for name in self._plan.competitors if self._is_fit(name)]
        for seed in range(self._plan.seeds):
            todo = [name for name in fit if self._may_race(name, seed)]
            # A seed that only some have time for compares nothing.
            if sum(self._took.get(name, 0.0) for name in todo) > self._budget.left:
                return False
            self._shuffle.shuffle(todo)  # who comes first after the other must not matter
            for name in todo:
                if self._budget.is_over:
                    return False
                with self._noting_hangs(name):
                    self._race(name, seed)
        self._run.journal.note_spent(self._budget.whole.spent)
        return not any(
            self._may_race(name, seed)
            for name in self._plan.competitors
            for seed in range(self._plan.seeds)
        )

    def _is_fit(self, name: Competitor) -> bool:
        """Return whether this one may race; otherwise its row says why not, if that is known."""
        own = self._rows_of(name)
        if own:
            return all(map(has_raced, own))
        reason = registry.reason_unavailable(name.backend) or self._lacks_dtype(name)
        if reason is not None:
            self._keep(name, 0, RaceTimes(status="skipped", reason=reason))
            return False
        agreed = False
        if not self._budget.is_over:
            with self._noting_hangs(name):
                agreed = self._agrees(name)
        return agreed

    def _lacks_dtype(self, name: Competitor) -> str | None:
        if name.dtype != "bfloat16":
            return None
        has = getattr(registry.load(name.backend), "low_precision", ())
        return None if name.dtype in has else f"{name.backend} does not compute in {name.dtype}"

    def _agrees(self, name: Competitor) -> bool:
        """Check in a process of its own that the backend trains what the reference does.

        One that computes with few bits is checked with more: what it rounds away is its right.
        """
        self._report(f"checking {name.backend}")
        plan = self._plan
        job = Job(
            backend=name.backend,
            problems=[plan.problem.reference],
            dtype="float32" if name.dtype == "bfloat16" else cast(DType, name.dtype),
            threads=plan.threads,
            samples=1,
            minimum_seconds=0.0,
            check=True,
        )
        left = self._budget.until_abandoned
        outcomes = list(run_job(job, registry.load(name.backend), seconds_left=left))
        bad = [outcome for outcome in outcomes if outcome.status != "ok"]
        if bad:
            self._keep(name, 0, RaceTimes(status=bad[0].status, reason=bad[0].reason))
        return not bad

    def _race(self, name: Competitor, seed: int) -> None:
        plan, before = self._plan, self._budget.spent
        self._report(f"{name.backend} {name.dtype}, seed {seed}")
        job = RaceJob(
            backend=name.backend,
            problem=plan.problem.reference,
            seed=seed,
            dtype=cast(RaceDType, name.dtype),
            threads=plan.threads,
            target=plan.goal,
            iterations=plan.iterations,
            check_iterations=plan.check_iterations,
        )
        left = self._budget.until_abandoned
        times = run_race(job, registry.load(name.backend), seconds_left=left)
        self._took[name] = max(self._took.get(name, 0.0), self._budget.spent - before)
        self._keep(name, seed, times)

    @contextmanager
    def _noting_hangs(self, name: Competitor) -> Iterator[None]:
        """Do a piece; keep that it hangs if it was abandoned though there was time for it."""
        budget = self._budget
        before = budget.spent
        try:
            with budget.piece(budget.longest_piece):
                yield
        except Abandoned as abandoned:
            seconds = budget.spent - before
            if budget.is_over:
                budget.hangs.note(abandoned, seconds, self._took.get(name, seconds))
            else:
                budget.hangs.keep(abandoned, seconds)

    def _may_race(self, name: Competitor, seed: int) -> bool:
        """Return whether there is no row yet, and none that says that it is of no use to try."""
        own = self._rows_of(name)
        if any(row.seed == seed for row in own) or not all(map(has_raced, own)):
            return False
        return not self._budget.hangs.holds(name.backend, self._plan.problem.reference)

    def _rows_of(self, name: Competitor) -> Sequence[RaceRow]:
        return [row for row in self._journal.rows if (row.backend, row.dtype) == name]

    def _keep(self, name: Competitor, seed: int, times: RaceTimes) -> None:
        plan, run = self._plan, self._run.run
        self._run.journal.has_lost_others |= was_killed(times.reason)
        self._journal.append(
            RaceRow(
                machine=run.machine,
                environment=run.environment,
                commit=run.commit,
                code=run.code,
                when=now(),
                problem=plan.problem.name,
                problem_digest=plan.problem.digest,
                target=plan.goal,
                epochs=plan.epochs,
                iterations_per_epoch=plan.problem.iterations_per_epoch,
                check_iterations=plan.check_iterations,
                seed=seed,
                **backend_fields(name.backend, cast(DType, name.dtype), plan.threads),
                **{field: getattr(times, field) for field in RaceTimes.__struct_fields__},
            )
        )
        self._run.journal.note_spent(self._budget.whole.spent)

    def _report(self, message: str) -> None:
        whole = self._budget.whole
        self._progress(whole.spent, whole.seconds, message)
