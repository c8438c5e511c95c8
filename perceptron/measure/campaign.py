"""The loop that carries out every question: ask what is missing, measure it, keep its row."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.measure.budget import Budget
from perceptron.measure.job import Batch, Job, Race
from perceptron.measure.launch import Abandoned, run_job, run_race
from perceptron.measure.progress import Progress
from perceptron.measure.rows import row_of
from perceptron.problems import catalogue
from perceptron.records.race import RaceTimes
from perceptron.records.row import Row
from perceptron.records.run import Run
from perceptron.records.store import RunJournal

Ask = Callable[[Sequence[Row], float], Sequence[Job]]
"""Called with the rows so far and the seconds that are left, returns the jobs to do next."""

Trained = tuple[str, str, str, int]
"""A backend, a problem's name, a dtype and a number of threads: what has to agree."""


def carry_out(ask: Ask, journal: RunJournal, run: Run, budget: Budget, progress: Progress) -> bool:
    """Measure what is asked for until that is nothing or the time is over; return which.

    Of the jobs that are asked for at once those of the lowest repeat are measured, in random order:
    no backend is always first. Then it is asked again. A backend that cannot run here, does not
    compute in the dtype or does not agree on the problem is not timed: its row says why. What does
    not end in half of the budget has no row, is named by the budget's hangs, and is not tried again
    in this start. Raises `UserError` where ``ask`` fails or asks for what it has; rows are kept.
    """
    return _Campaign(ask, journal, run, budget, progress).carry_out()


class _Campaign:
    """One start of a run."""

    def __init__(
        self, ask: Ask, journal: RunJournal, run: Run, budget: Budget, progress: Progress
    ) -> None:
        self._ask = ask
        self._journal = journal
        self._run = run
        self._budget = budget
        self._progress = progress
        self._done: set[Job] = set()
        self._agreed: set[Trained] = {
            (row.backend, row.problem or "", row.dtype or "", row.all_threads or 0)
            for row in journal.rows
            if row.status == "ok"
        }
        self._longest: dict[str, float] = {}
        """Seconds that a job of a backend took in this start, the longest."""
        self._shuffle = random.Random(f"{run.started} {len(journal.rows)}")

    def carry_out(self) -> bool:
        self._report("starting")
        wanted = self._wanted()
        while wanted and not self._budget.is_over:
            first = min(job.repeat for job in wanted)
            self._measure([job for job in wanted if job.repeat == first])
            wanted = self._wanted()
        return not wanted

    def _wanted(self) -> list[Job]:
        """Return what is asked for, without what does not end."""
        try:
            asked = dict.fromkeys(self._ask(self._journal.rows, self._budget.left))
        except UserError:
            raise
        except Exception as error:  # a study's own fault must not cost what was measured
            raise UserError(f"{self._broken}: {type(error).__name__}: {error}") from error
        again = self._done.intersection(asked)
        if again:
            raise UserError(f"{self._broken}: it asks again for {again.pop()}")
        return [job for job in asked if not self._hangs(job)]

    @property
    def _broken(self) -> str:
        rows = len(self._journal.rows)
        return f"{self._journal.folder}: {rows} rows are kept, but the study is broken"

    def _measure(self, jobs: Sequence[Job]) -> None:
        """Measure these in random order, once all that can run has agreed."""
        jobs = self._shuffle.sample(jobs, len(jobs))
        fit = []
        for job in jobs:  # what cannot run costs no time: its rows come first
            reason = _refusal(job)
            if reason is None:
                fit.append(job)
            else:
                self._keep(job, RaceTimes(status="skipped", reason=reason))
        agreeing = [job for job in fit if self._agrees(job)]
        for job in agreeing:
            if self._budget.is_over:
                return
            with self._noting_hangs(job):
                before = self._budget.spent
                self._report(f"{job.problem} on {job.backend} {job.dtype}, repeat {job.repeat}")
                answer = self._answer(job)
                took = self._budget.spent - before
                self._longest[job.backend] = max(self._longest.get(job.backend, 0.0), took)
                self._keep(job, answer)

    def _answer(self, job: Job) -> RaceTimes:
        assert isinstance(job, Race), f"no worker knows a {type(job).__name__}"
        return run_race(job, registry.load(job.backend), seconds_left=self._budget.until_abandoned)

    def _agrees(self, job: Job) -> bool:
        """Return whether the backend trains what the reference does, in a process of its own.

        One that computes with few bits is checked with more: what it rounds away is its right.
        """
        dtype = "float32" if job.dtype == "bfloat16" else job.dtype
        key = (job.backend, catalogue.find(job.problem).name, job.dtype, job.threads)
        if key in self._agreed:
            return True
        if self._budget.is_over or self._hangs(job):
            return False
        self._report(f"checking {job.problem} on {job.backend}")
        check = Batch(
            backend=job.backend,
            problems=[job.problem],
            dtype=dtype,
            threads=job.threads,
            samples=1,
            minimum_seconds=0.0,
            check=True,
        )
        with self._noting_hangs(job):
            (outcome,) = run_job(
                check, registry.load(job.backend), seconds_left=self._budget.until_abandoned
            )
            if outcome.status == "ok":
                self._agreed.add(key)
            else:
                self._keep(job, RaceTimes(status=outcome.status, reason=outcome.reason))
        return key in self._agreed

    @contextmanager
    def _noting_hangs(self, job: Job) -> Iterator[None]:
        """Do a piece; keep that it hangs if it was abandoned though there was time for it."""
        budget, before = self._budget, self._budget.spent
        try:
            with budget.piece(budget.longest_piece):
                yield
        except Abandoned as abandoned:
            seconds = budget.spent - before
            if budget.is_over:
                budget.hangs.note(abandoned, seconds, self._longest.get(job.backend, seconds))
            else:
                budget.hangs.keep(abandoned, seconds)

    def _hangs(self, job: Job) -> bool:
        return self._budget.hangs.holds(job.backend, job.problem)

    def _keep(self, job: Job, answer: RaceTimes) -> None:
        self._done.add(job)
        self._journal.append(row_of(job, catalogue.find(job.problem), answer, self._run))
        self._journal.note_spent(self._budget.whole.spent)

    def _report(self, message: str) -> None:
        whole = self._budget.whole
        self._progress(whole.spent, whole.seconds, message)


def _refusal(job: Job) -> str | None:
    """Return why a job cannot be done here, without a process; None if it may be."""
    reason = registry.reason_unavailable(job.backend)
    if reason is not None or job.dtype != "bfloat16":
        return reason
    low = getattr(registry.load(job.backend), "low_precision", ())
    return None if job.dtype in low else f"{job.backend} does not compute in {job.dtype}"
