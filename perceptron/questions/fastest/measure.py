"""Measure one shape on some backends within seconds, in worker processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import json
from msgspec.structs import replace

from perceptron.machine import usable_cores
from perceptron.measure.budget import START_SHARE, Budget
from perceptron.measure.job import Estimator, Module, Time, timed
from perceptron.measure.launch import Abandoned, Workers
from perceptron.measure.rows import backend_fields
from perceptron.problems.problem import Problem
from perceptron.questions.fastest.cache import SKLEARN
from perceptron.questions.fastest.given import AsItIs
from perceptron.questions.fastest.judge import Trainings
from perceptron.questions.fastest.measured_shape import (
    NO_START,
    NO_TIME,
    MeasuredShape,
    TrainingShape,
    measured_shape,
)
from perceptron.questions.fastest.question import Question, reference_of
from perceptron.records.measurement import Measurement, Timings
from perceptron.records.run import now
from perceptron.records.validity import impossible

# Of each backend before anything is decided. They start together, which takes little longer than
# one: in the usual seconds there is no time to start PyTorch twice, one after the other.
_AT_FIRST = 2
_SAMPLES = 5
_SAMPLE_SECONDS = 0.01
# At once, for each core: those that import little are there soon, whoever else starts, and cores
# that wait for a disk have something to do. With very many none would be there in time.
_STARTS_A_CORE = 3
# Of data in batches: they take tenths of a second to make.
_MOST_VALUES = 2**21
# Repeats of those that take at most `_NEAR` times as long as the fastest; and the most, of
# those that may be as fast.
_ENOUGH, _NEAR, _MOST = 3, 2.0, 8
# A further process, or round of them, takes about what the last one did.
_AS_LONG = 1.2

_Process = tuple[str, int]
"""A backend, and which of its processes."""


def measure(
    question: Question, backends: Sequence[str], seconds: float
) -> tuple[list[MeasuredShape], dict[str, str]]:
    """Return the rows of these backends, measured in this order within about ``seconds``.

    With them, why others have none: `GIVEN_UP` where the time was over. Nothing is imported here;
    agreement is not checked, which takes longer than measuring: tests and studies do that. All
    workers end. One that went on compiling would slow the training that the answer is for: on two
    cores to 2.8 to 3.8 times as long, and at the lowest priority it got no core.
    """
    look = _Look(question, seconds)
    look.measure(backends)
    rows = look.measured()
    without = set(backends).difference(row.backend for row in rows)
    return rows, {name: look.reasons.get(name, NO_START) for name in backends if name in without}


class _Look:
    """Measuring until the time is over."""

    def __init__(self, question: Question, seconds: float) -> None:
        self._question = question
        self._budget = Budget(seconds)
        self._together = f"{now()} {token_hex(8)}"
        self._took: dict[str, float] = {}
        """Seconds for the newest process of a backend, once it was there."""
        self.rows: dict[str, list[Measurement]] = {}
        self.reasons: dict[str, str] = {}
        """Why a process of a backend has no time."""

    def measure(self, backends: Sequence[str]) -> None:
        """Measure as many processes of each as there is time for."""
        budget = self._budget
        with TemporaryDirectory() as folder, Workers(budget.until_abandoned) as workers:
            self._reference = _written(self._question, Path(folder))
            self._round(workers, [(name, turn) for turn in range(_AT_FIRST) for name in backends])
            turn, took = _AT_FIRST, budget.spent
            while budget.left > _AS_LONG * took and (names := self._close(turn)):
                begun = budget.spent
                self._round(workers, [(name, turn) for name in names])
                turn, took = turn + 1, budget.spent - begun

    def measured(self) -> list[MeasuredShape]:
        """Return the row of each backend that has been measured."""
        shape = self._question.shape
        return [
            measured_shape(shape, name, rows, self._together) for name, rows in self.rows.items()
        ]

    def _close(self, turn: int) -> list[str]:
        """Return the backends whose intervals one more repeat may narrow.

        The fastest, and all that may be as fast for what is known.
        """
        names = [name for name in self.rows if name not in self.reasons]
        trainings = Trainings(self.measured(), self._question.iterations)
        ranking = trainings.ranking(names)
        wanted = {*ranking.order[:1], *ranking.open} if ranking.open and turn < _MOST else set()
        if turn < _ENOUGH:  # narrows the intervals of those that are near
            ratios = ranking.ratios.items()
            wanted |= {name for name, ratio in ratios if ratio and ratio.estimate <= _NEAR}
            wanted |= set(ranking.order[:1])
        return [name for name in names if name in wanted]

    def _round(self, workers: Workers, wanted: Sequence[_Process]) -> None:
        """Measure these processes in turn, as far as there is time."""
        to_go, at_once = list(wanted), _STARTS_A_CORE * usable_cores()
        while to_go and not self._budget.is_over:
            there = self._started(workers, to_go[:at_once])
            to_go = to_go[at_once:]
            for index, (name, turn) in enumerate(there):
                # A backend without a time comes before a further process of one that has one.
                beside = sum(other == turn for _, other in [*there[index:], *to_go])
                left = self._budget.left
                if left > _AS_LONG * self._took.get(name, 0.0) and name not in self.reasons:
                    with self._budget.piece(left / beside):
                        self._time(workers, name, turn)

    def _started(self, workers: Workers, some: Sequence[_Process]) -> list[_Process]:
        """Start these processes, all at once; return those that have started in time."""
        with self._budget.piece(START_SHARE * self._budget.left):
            try:
                workers.warm({process: self._job(process[0]) for process in some})
            except Abandoned as late:
                return [process for process in some if process not in late.workers]
        return list(some)

    def _time(self, workers: Workers, name: str, process: int) -> None:
        before = self._budget.spent
        try:
            seen = workers.run((name, process), self._job(name))
        except Abandoned:
            self.reasons.setdefault(name, NO_TIME)
            return
        row = self._measurement(name, process, seen)
        why = seen.reason or "no reason given" if seen.status != "ok" else impossible(row)
        if why is None:
            self.rows.setdefault(name, []).append(row)
            self._took[name] = self._budget.spent - before
        else:
            self.reasons.setdefault(name, why)

    def _job(self, name: str) -> Time:
        query = self._question
        fields: dict[str, Any] = {
            "problem": self._reference,
            "backend": name,
            "dtype": query.dtype,
            "threads": query.threads,
            "samples": _SAMPLES,
            "minimum_seconds": _SAMPLE_SECONDS,
        }
        if name == SKLEARN and query.own_fit:
            fit = query.own_fit
            return Estimator(**fields, estimator=fit.kind, parameters=fit.parameters)
        return Module(**fields) if isinstance(query.own, AsItIs) else Time(**fields)

    def _fields(self, name: str) -> dict[str, Any]:
        """Return the fields of a row that say who trained it."""
        query = self._question
        if name == SKLEARN:
            shared = {"dtype": query.dtype, "threads": query.threads, "processes": 1}
            return {"backend": name, "device": "cpu", **shared}
        return backend_fields(name, query.dtype, query.threads)

    def _measurement(self, name: str, process: int, seen: Timings) -> Measurement:
        """Return the row that a study would write, with the fields that decide which rows count."""
        query = self._question
        return Measurement(
            source="perceptron",
            machine="",
            when=now(),
            family="",
            size=query.shape.rows,
            repeat=process,
            **self._fields(name),
            **timed(seen),
        )


def _written(question: Question, folder: Path) -> str:
    """Return the training's reference: its shape, or a file in the folder that describes it."""
    training, shape = question.own, _fewer_rows(question.shape)
    if training is None:
        return reference_of(shape)
    if isinstance(training, AsItIs):
        training.write(file := folder / "module")
    else:
        file = folder / "model.toml"
        file.write_text(_model_file(training, shape.rows), encoding="utf-8")
    return str(file)


def _model_file(problem: Problem, rows: int) -> str:
    """Return the text of the model file of a training on ``rows`` rows."""
    classes = problem.outputs if problem.outputs > 1 else None
    tables: list[tuple[str, Mapping[str, object]]] = [
        ("", {name: getattr(problem, name) for name in ("loss", "batch", "feed", "models")}),
        ("[data]", {"rows": rows, "features": problem.dataset.features, "classes": classes}),
        ("[optimizer]", {"name": problem.optimizer.kind.split()[0], **asdict(problem.optimizer)}),
        *(("[[layers]]", asdict(layer)) for layer in problem.layers),
    ]
    return "\n".join(line for title, table in tables for line in _table(title, table))


def _table(title: str, table: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines of a table in TOML, which writes such values as JSON does."""
    yield title
    for key, value in table.items():
        if value is not None:
            yield f"{key} = {json.encode(value).decode()}"


def _fewer_rows(shape: TrainingShape) -> TrainingShape:
    """Return the shape with as many rows as its batches need to differ.

    An iteration takes its batch, however many rows there are; making millions of values would take
    the time that is there for measuring.
    """
    if shape.batch is None:
        return shape
    enough = max(4 * shape.batch, _MOST_VALUES // shape.features, 4 * shape.outputs)
    return replace(shape, rows=min(shape.rows, enough))
