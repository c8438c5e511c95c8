"""Measure one shape on some backends within seconds, in worker processes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from statistics import median
from time import monotonic

from msgspec.structs import replace

from perceptron.analysis.work import NO_START, NO_TIME, MeasuredWork, TrainingShape, of_processes
from perceptron.backends import registry
from perceptron.backends.protocol import Backend
from perceptron.machine import usable_cores
from perceptron.measure.job import Job, Outcome
from perceptron.measure.launch import Abandoned, Workers
from perceptron.records.run import now
from perceptron.studies.fastest.question import Question, reference_of

# Of each backend at most: two show how far processes differ, further ones take longer than asking.
_PROCESSES = 3
_SAMPLES = 5
_SAMPLE_SECONDS = 0.01
# Of the time that is left, for starting: what does not start must leave some for the others.
_START_SHARE = 0.75
# At once, for each core: those that import little are there soon, whoever else starts, and cores
# that wait for a disk have something to do. With very many none would be there in time.
_STARTS_A_CORE = 3
# Of data in batches: they take tenths of a second to make.
_MOST_VALUES = 2**21
# A further round takes about what the last one did.
_AS_LONG = 1.2


def measure(
    question: Question, backends: Sequence[str], devices: dict[str, str], seconds: float
) -> list[MeasuredWork]:
    """Return a row of each backend, the first ones first, within about so many seconds.

    One that did not get there says why: `GIVEN_UP` where the time was over. Nothing is imported
    here; agreement is not checked, which takes longer than measuring: tests and studies do that.
    """
    return _Look(question, devices, seconds).rows(backends)


class _Look:
    """Measuring until the time is over."""

    def __init__(self, question: Question, devices: Mapping[str, str], seconds: float) -> None:
        self._question = question
        self._devices = devices
        self._ends = monotonic() + seconds
        self._piece_ends = inf
        self._outcomes: dict[str, list[Outcome]] = {}
        self._reasons: dict[str, tuple[str, bool]] = {}
        """Why a backend has no time, and whether it refuses all shapes of the kind."""

    def rows(self, backends: Sequence[str]) -> list[MeasuredWork]:
        with Workers(self._left) as workers:
            names = list(backends)
            for process in range(_PROCESSES):
                before = self._left()
                self._round(workers, names, process)
                names = [name for name in names if name in self._outcomes]
                if not names or self._left() < _AS_LONG * (before - self._left()):
                    break
        return [self._row(name) for name in backends]

    def _round(self, workers: Workers, names: Sequence[str], process: int) -> None:
        """Measure one process of each, as far as there is time."""
        to_go, at_once = list(names), _STARTS_A_CORE * usable_cores()
        while to_go and self._left() > 0:
            some = self._started(workers, to_go[:at_once], process)
            to_go = to_go[at_once:]
            for index, name in enumerate(some):
                with self._piece(self._left() / (len(some) - index + len(to_go))):
                    self._time(workers, name, process)

    def _left(self) -> float:
        return min(self._ends, self._piece_ends) - monotonic()

    @contextmanager
    def _piece(self, seconds: float) -> Iterator[None]:
        self._piece_ends = monotonic() + seconds
        try:
            yield
        finally:
            self._piece_ends = inf

    def _started(self, workers: Workers, names: Sequence[str], process: int) -> list[str]:
        """Start a process of each backend, all at once; return those that are there in time."""
        wanted: dict[Hashable, tuple[Job, Backend]] = {
            (name, process): (self._job(name), registry.load(name)) for name in names
        }
        with self._piece(_START_SHARE * self._left()):
            try:
                workers.warm(wanted)
            except Abandoned as late:
                return [name for name in names if (name, process) not in late.workers]
        return list(names)

    def _time(self, workers: Workers, name: str, process: int) -> None:
        try:
            outcome = self._asked(workers, name, process, _fewer_rows(self._question.work.shape))
            if outcome.status == "ok":
                self._outcomes.setdefault(name, []).append(outcome)
                return
            refused = False
            if outcome.status == "skipped":  # for its size, or whatever the size?
                small = self._asked(workers, name, process, _small(self._question.work.shape))
                refused = small.status == "skipped"
            self._reasons.setdefault(name, (outcome.reason or "no reason given", refused))
        except Abandoned:
            self._reasons.setdefault(name, (NO_TIME, False))

    def _asked(self, workers: Workers, name: str, process: int, shape: TrainingShape) -> Outcome:
        job, backend = self._job(name, reference_of(shape)), registry.load(name)
        return next(iter(list(workers.run((name, process), job, backend))))

    def _job(self, name: str, *references: str) -> Job:
        return Job(
            backend=name,
            problems=list(references),
            dtype=self._question.dtype,
            threads=self._question.threads,
            samples=_SAMPLES,
            minimum_seconds=_SAMPLE_SECONDS,
        )

    def _row(self, name: str) -> MeasuredWork:
        outcomes = self._outcomes.get(name, [])
        device, work, when = self._devices[name], self._question.work, now()
        if not outcomes:
            reason, refused = self._reasons.get(name, (NO_START, False))
            return MeasuredWork(
                work=work, backend=name, device=device, when=when, reason=reason, refused=refused
            )
        seconds, low, high = of_processes([one.seconds for one in outcomes if one.seconds])
        return MeasuredWork(
            work=work,
            backend=name,
            device=device,
            seconds=seconds,
            low=low,
            high=high,
            prepare_seconds=median(one.prepare_seconds or 0.0 for one in outcomes),
            when=when,
        )


def _fewer_rows(shape: TrainingShape) -> TrainingShape:
    """Return the shape with as many rows as its batches need to differ.

    An iteration takes its batch, however many rows there are; making millions of values would take
    the time that is there for measuring.
    """
    if shape.batch is None:
        return shape
    enough = max(4 * shape.batch, _MOST_VALUES // shape.features, 4 * shape.outputs)
    return replace(shape, rows=min(shape.rows, enough))


def _small(shape: TrainingShape) -> TrainingShape:
    """Return a shape of the same kind that every machine has memory for."""
    rows = max(8, shape.outputs)
    return TrainingShape(
        rows=rows,
        features=2,
        hidden=(2,) * len(shape.hidden),
        outputs=shape.outputs,
        batch=None if shape.batch is None else 4,
        optimizer=shape.optimizer,
        models=min(shape.models, 2),
    )
