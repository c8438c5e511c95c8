"""The loop of every study: ask for the missing jobs, measure them, store their rows."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import device_type_of
from perceptron.errors import UserError
from perceptron.measure.budget import Budget, Progress
from perceptron.measure.job import Call, Estimator, Extra, Job, Race, Time
from perceptron.measure.launch import Abandoned, Workers, run_race
from perceptron.measure.nvml import unshareable
from perceptron.measure.rows import Seen, nothing, rows_of, subject_fields
from perceptron.records.grouping import grouped
from perceptron.records.measurement import DEVICE, KERNELS, Timings
from perceptron.records.row import Row
from perceptron.records.run import Run
from perceptron.records.store import RunJournal

Ask = Callable[[Sequence[Row], float], Sequence[Job]]
"""A function of the rows so far and the seconds left that returns the jobs to do next."""

_Jobs = list[Job]
Trained = tuple[str, str, str, int]
"""A backend, a problem's name, a dtype and a number of threads: agreement is checked for each."""

# The most problems that are checked before the first of them is timed. The first group is one
# problem, and each is twice the last, so that some problems have times when the budget ends. Beside
# busy cores a check of two threads takes seconds, and eight of two backends took longer than a
# quick run lasts. On a device each problem takes seconds to compile.
_SOME, _SOME_ON_DEVICE = 8, 2


def run_campaign(
    ask: Ask, journal: RunJournal, run: Run, budget: Budget, progress: Progress
) -> bool:
    """Measure the jobs of ``ask`` until there are none; return False if the budget ends before.

    All jobs of a call of ``ask`` are measured before the next call: repeat by repeat, problems in
    random order and each on its backends one after the other. After the first call a new problem
    begins only if all its repeats fit in the time that is left; the first of a call are preferred.
    A job that failed in a repeat is not tried in the next. A backend that cannot run here, does not
    compute in the dtype or does not agree on the problem is not timed: its row has the reason. A
    job that does not end in half of the budget has no row, is listed in the budget's hangs, and is
    not tried again in this start. Raises `UserError` if ``ask`` fails or returns a job that is
    done; stored rows are kept.
    """
    with Workers(budget.until_abandoned) as workers:
        return _Campaign(journal, run, budget, progress, workers).run(ask)


class _Campaign:
    """The state of a start of a run."""

    def __init__(
        self, journal: RunJournal, run: Run, budget: Budget, progress: Progress, workers: Workers
    ) -> None:
        self._journal, self._run, self._workers = journal, run, workers
        self._budget, self._progress = budget, progress
        self._subjects: dict[str, dict[str, Any]] = {}
        self._done: set[Job] = set()
        self._failed: set[Job] = set()
        self._seconds: defaultdict[Hashable, float] = defaultdict(float)
        self._counts: Counter[Hashable] = Counter()
        """The seconds and the number of the jobs of this start, by family and process."""
        self._hung: list[Row] = []
        """Rows for jobs that did not end, passed to ``ask`` but not stored; a new start retries."""
        self._agreed: set[Trained] = {
            (row.backend, row.problem or "", row.dtype or "", row.all_threads or 0)
            for row in journal.rows
            if row.status == "ok" and getattr(row, "phase", None) is None
        }
        self._references: dict[Trained, str | None] = {}
        """The reason why a reference function failed; None if it did not."""
        self._shuffle = random.Random(f"{run.started} {len(journal.rows)}")

    def run(self, ask: Ask) -> bool:
        self._report("starting")
        jobs_to_do = wanted = self._wanted(ask)
        while jobs_to_do and not self._budget.is_over:
            self._failed.clear()
            for repeat in sorted({job.repeat for job in jobs_to_do}):
                jobs = [
                    job
                    for job in jobs_to_do
                    # What fails in an earlier repeat, or does not end, is not tried again.
                    if job.repeat == repeat
                    and not self._hangs(job)
                    and _without_repeat(job) not in self._failed
                ]
                self._measure(jobs)
                finished = [job for job in jobs if not (isinstance(job, Time) and job.lasts)]
                self._workers.end(*map(_process, finished), *map(_checker, finished))
                # Even if more repeats follow: it raises if a model was edited meanwhile.
                wanted = self._wanted(ask)
            jobs_to_do = self._that_fit(wanted)
        return not wanted

    def _that_fit(self, jobs: Sequence[Job]) -> _Jobs:
        """Return the jobs without the new problems that do not fit in the time left.

        A problem with one or two repeats shows little. The first problems of a family always
        begin, because their cost is not known yet.
        """
        new = (job for job in jobs if not self._may_be_done(job))
        left, late = self._budget.left, set[Job]()
        for members in grouped(new, lambda job: job.problem).values():
            seconds = sum(map(self._expected, members))
            if seconds > left:
                late.update(members)
            else:
                left -= seconds
        return [job for job in jobs if job not in late]

    def _expected(self, job: Job) -> float:
        """Return the average seconds of such a job, its check included; 0 if none was measured."""
        kind = self._kind(job)
        return self._seconds[kind] / max(1, self._counts[kind])

    def _kind(self, job: Job) -> Hashable:
        return (self._subject(job)["family"], _process(job))

    def _broken(self, why: str) -> UserError:
        rows = len(self._journal.rows)
        return UserError(
            f"{self._journal.folder}: {rows} rows are kept, but the study is broken: {why}"
        )

    def _wanted(self, ask: Ask) -> list[Job]:
        """Return the jobs to measure; call ``ask`` until none of its jobs hangs."""
        while True:
            try:
                jobs = dict.fromkeys(ask([*self._journal.rows, *self._hung], self._budget.left))
            except UserError:
                raise
            except Exception as error:  # a study's fault must not lose what was measured
                raise self._broken(f"{type(error).__name__}: {error}") from error
            repeated = self._done.intersection(jobs)
            if repeated:
                raise self._broken(f"it asks again for {repeated.pop()}")
            hung = [job for job in jobs if self._hangs(job)]
            if not hung:
                return list(jobs)
            for job in hung:
                self._done.add(job)
                answer = nothing(job, "failed", "did not end")
                self._hung += rows_of(job, self._subject(job), answer, self._run)

    def _measure(self, jobs: Sequence[Job]) -> None:
        """Measure the jobs of a repeat, some problems at a time; check their backends first."""
        fit = []
        for job in jobs:  # what cannot run costs no time: its rows come first
            reason = _refusal(job)
            if reason is None:
                fit.append(job)
            else:
                self._keep(job, nothing(job, "skipped", reason))
        by_problem = list(grouped(fit, lambda job: job.problem).values())
        self._shuffle.shuffle(by_problem)
        self._start(fit)
        most_problems = _SOME_ON_DEVICE if any(map(_is_on_device, fit)) else _SOME
        for problems in _more_and_more(by_problem, most_problems):
            self._check([job for jobs in problems for job in jobs])
            # A shared machine changes its speed from one second to the next. With turns at each
            # problem the log-ratios of 24 rounds spread by 7 to 15% at four of five sizes, and by
            # 15 to 23% where each backend measured all five before the other did.
            for members in problems:
                self._shuffle.shuffle(members)
                for job in members:
                    if self._budget.is_over:
                        return
                    if self._may_be_done(job) and not self._hangs(job):
                        self._answer(job)

    def _start(self, jobs: Sequence[Job]) -> None:
        """Start the processes of these jobs together: nothing is timed while others import.

        Jobs that time the start of a device are excluded.
        """
        while missing := [job for job in jobs if _starts_ahead(job) and not self._hangs(job)]:
            if self._budget.is_over:
                return
            workers = {}
            for job in missing:
                workers[_process(job)] = job
                if not self._may_be_done(job):
                    workers[_checker(job)] = replace(job, step="check")
            with self._noting_hangs(self._budget.longest_start):
                self._workers.warm(workers)
                return

    def _check(self, jobs: Sequence[Job]) -> None:
        """Check that backends agree with the reference, unless they have before.

        Checks run in processes in which nothing is timed. A low-precision dtype is checked in a
        higher one: its rounding is allowed. Checks on devices leave the cores idle, so they run
        together; those that fail, perhaps for lack of memory, are repeated alone.
        """
        for together in zip_longest(*grouped(jobs, _checker).values()):
            ahead = [job for job in together if job is not None and _is_on_device(job)]
            ahead = [job for job in ahead if not (self._may_be_done(job) or self._hangs(job))]
            if len(ahead) < 2 or self._budget.is_over:
                ahead = []
            for job in ahead:
                self._workers.ask(_checker(job), replace(job, step="check"))
            alone = [job for job in together if job is not None and job not in ahead]
            again = [job for job in ahead if not self._agrees(job, is_alone=False)]
            for job in (*alone, *again):
                self._agrees(job)

    def _agrees(self, job: Job, is_alone: bool = True) -> bool:
        """Check a job if necessary; return False if it must be checked again alone."""
        if self._budget.is_over or self._may_be_done(job) or self._hangs(job):
            return True
        with self._noting_hangs(self._budget.longest_piece, job):
            answer = self._reference_fails(job) or self._checked(job)
            if answer.status == "ok":
                self._agreed.add(self._key(job))
            elif is_alone:
                self._keep(job, nothing(job, answer.status, answer.reason))
            else:
                return False
        return True

    def _checked(self, job: Job) -> Timings:
        self._report(f"checking {job.problem} on {job.backend}")
        return self._workers.run(_checker(job), replace(job, step="check"))

    def _reference_fails(self, job: Job) -> Timings | None:
        """Return why a function cannot be compared with its reference; None if it can.

        The reference is checked before, in another process: if it raises, exits or crashes, that is
        not the function's fault.
        """
        if not isinstance(job, Call) or job.reference in (None, job.backend):
            return None
        reference = replace(job, backend=job.reference)
        key = self._key(reference)
        if self._hangs(reference):
            self._references[key] = "it did not end"
        if key not in self._references and key not in self._agreed:
            answer = self._checked(reference)
            self._references[key] = None if answer.status == "ok" else answer.reason
        fault = self._references.get(key)
        if fault is None:
            return None
        reason = f"cannot be checked: {job.reference}, the reference, fails: {fault}"
        return Timings(status="failed", reason=f"{reason}; equal = None times it unchecked")

    def _answer(self, job: Job) -> None:
        """Run a job, and store its rows."""
        backend = job.backend if job.dtype is None else f"{job.backend} {job.dtype}"
        self._report(f"{job.subject} on {backend}, repeat {job.repeat}")
        with self._noting_hangs(self._budget.longest_piece, job):
            answer: Seen
            if isinstance(job, Race):
                answer = run_race(job, seconds_left=self._budget.until_abandoned)
            else:
                answer = self._workers.run(_process(job), self._with_seconds(job))
            self._keep(job, answer)

    def _with_seconds(self, job: Job) -> Job:
        if not isinstance(job, Time) or job.share is None:
            return job
        return replace(job, most_seconds=self._budget.of_share(job.share))

    @contextmanager
    def _noting_hangs(self, seconds: float, job: Job | None = None) -> Iterator[None]:
        """Limit the block to ``seconds``, and add its seconds to those of the job.

        Record a hang if it is abandoned while budget is left.
        """
        budget, before = self._budget, self._budget.spent
        try:
            with budget.piece(seconds):
                yield
            if job is not None:
                self._seconds[self._kind(job)] += budget.spent - before
        except Abandoned as abandoned:
            if not budget.is_over:
                key = (abandoned.backend, abandoned.subject)
                budget.abandoned[key] = budget.spent - before

    def _hangs(self, job: Job) -> bool:
        """Return whether the backend hung on this job's subject, or while it started."""
        keys = [(job.backend, job.subject), (job.backend, None)]
        return not self._budget.abandoned.keys().isdisjoint(keys)

    def _may_be_done(self, job: Job) -> bool:
        """Return whether the job's backend agrees with the reference, or need not."""
        return isinstance(job, Extra) or self._key(job) in self._agreed

    def _key(self, job: Job) -> Trained:
        name = job.problem if isinstance(job, Call) else self._subject(job)["problem"]
        return (job.backend, name, job.dtype or "", job.threads)

    def _subject(self, job: Job) -> dict[str, Any]:
        if job.problem not in self._subjects:
            self._subjects[job.problem] = subject_fields(job)
        return self._subjects[job.problem]

    def _keep(self, job: Job, answer: Seen) -> None:
        self._done.add(job)
        self._counts[self._kind(job)] += 1
        if answer.status != "ok":
            self._failed.add(_without_repeat(job))
        self._journal.append(*rows_of(job, self._subject(job), answer, self._run))
        self._journal.note_spent(self._budget.spent)

    def _report(self, message: str) -> None:
        self._progress(self._budget.spent, self._budget.seconds, message)


def _more_and_more(problems: Sequence[_Jobs], most: int) -> Iterator[Sequence[_Jobs]]:
    """Yield groups of 1, 2, 4, … problems, at most ``most``, until there are no more."""
    begin, count = 0, 1
    while begin < len(problems):
        yield problems[begin : begin + count]
        begin, count = begin + count, min(2 * count, most)


def _refusal(job: Job) -> str | None:
    """Return why a job cannot be done here, without starting a process; None if it may be."""
    if isinstance(job, Call):
        return None
    if isinstance(job, Extra) and job.extra == KERNELS:
        return None  # counted without a device
    backend, reason = registry.load(job.backend), registry.reason_unavailable(job.backend)
    if reason is None and not isinstance(job, Extra) and device_type_of(backend.device) == "cuda":
        reason = unshareable()
    if reason is not None or job.dtype != "bfloat16":
        return reason
    low = getattr(backend, "low_precision", ())
    return None if job.dtype in low else f"{job.backend} does not compute in {job.dtype}"


def _is_on_device(job: Job) -> bool:
    return not isinstance(job, Call | Estimator) and registry.load(job.backend).device != "cpu"


def _starts_ahead(job: Job) -> bool:
    return isinstance(job, Time) or (isinstance(job, Extra) and job.extra != DEVICE)


def _process(job: Job) -> Hashable:
    """Return the name of a job's process: another for each repeat and each extra."""
    extra = job.extra if isinstance(job, Extra) else None
    return (job.backend, job.dtype, job.threads, job.repeat, extra)


def _without_repeat(job: Job) -> Job:
    return replace(job, repeat=0, lasts=True) if isinstance(job, Time) else replace(job, repeat=0)


def _checker(job: Job) -> Hashable:
    """Return the name of the process that checks a job."""
    return (job.backend, job.dtype, job.threads)
