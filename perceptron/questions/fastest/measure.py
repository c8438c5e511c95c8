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
from perceptron.measure.revision import measuring_code
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

# Processes of each backend before the first ranking. They start together, which takes little longer
# than one: the usual seconds do not suffice to start PyTorch twice, one after the other.
_AT_FIRST = 2
_SAMPLES = 5
_SAMPLE_SECONDS = 0.01
# Processes that start together, for each core: those that import little start soon, and others use
# the core while one waits for the disk. With too many, none would start in time.
_STARTS_A_CORE = 3
# The most values of data in batches, which take tenths of a second to make.
_MOST_VALUES = 2**21
# Repeats of backends that take at most `_NEAR` times as long as the fastest; and the most repeats,
# of those that may be as fast.
_ENOUGH, _NEAR, _MOST = 3, 2.0, 8
# A further process or round may take this many times as long as the last.
_AS_LONG = 1.2

_Process = tuple[str, int]
"""A backend, and the number of its process."""


def measure(
    question: Question, backends: Sequence[str], seconds: float
) -> tuple[list[MeasuredShape], dict[str, str]]:
    """Return the rows of these backends, measured in this order within about ``seconds``.

    Also return the reasons of backends without a row, of `GIVEN_UP` if the time was over. No
    framework is imported here. Agreement is not checked, which takes longer than measuring: tests
    and studies do that. All workers end: one that went on compiling would slow the user's training,
    on two cores to 2.8 to 3.8 times as long, and at the lowest priority it got no core.
    """
    measuring = _Measuring(question, seconds)
    measuring.measure(backends)
    rows = measuring.measured()
    without = set(backends).difference(row.backend for row in rows)
    return rows, {
        name: measuring.reasons.get(name, NO_START) for name in backends if name in without
    }


class _Measuring:
    """The state of measuring until the time is over."""

    def __init__(self, question: Question, seconds: float) -> None:
        self._question = question
        self._budget = Budget(seconds)
        self._begun, self._token = now(), token_hex(8)
        self._took: dict[str, float] = {}
        """Seconds for the newest process of a backend, after its start."""
        self.rows: dict[str, list[Measurement]] = {}
        self.reasons: dict[str, str] = {}
        """Why a process of a backend has no time."""

    def measure(self, backends: Sequence[str]) -> None:
        """Measure processes of each backend in rounds, as long as there is time for another."""
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
        return [
            measured_shape(
                self._question.shape,
                name,
                rows,
                together=f"{self._begun} {self._token}",
                session=self._begun,
                code=measuring_code(),
            )
            for name, rows in self.rows.items()
        ]

    def _close(self, turn: int) -> list[str]:
        """Return the backends that need another repeat.

        These are the fastest and those that may be as fast; in early turns also those near it.
        """
        names = [name for name in self.rows if name not in self.reasons]
        trainings = Trainings(self.measured(), self._question.iterations)
        ranking = trainings.ranking(names)
        wanted = {*ranking.order[:1], *ranking.open} if ranking.open and turn < _MOST else set()
        if turn < _ENOUGH:
            ratios = ranking.ratios.items()
            wanted |= {name for name, ratio in ratios if ratio and ratio.estimate <= _NEAR}
            wanted |= set(ranking.order[:1])
        return [name for name in names if name in wanted]

    def _round(self, workers: Workers, wanted: Sequence[_Process]) -> None:
        """Measure these processes in turn until the time is over."""
        remaining, at_once = list(wanted), _STARTS_A_CORE * usable_cores()
        while remaining and not self._budget.is_over:
            started = self._started(workers, remaining[:at_once])
            remaining = remaining[at_once:]
            for index, (name, turn) in enumerate(started):
                # A backend without a time comes before a further process of one that has one.
                beside = sum(other == turn for _, other in [*started[index:], *remaining])
                left = self._budget.left
                if left > _AS_LONG * self._took.get(name, 0.0) and name not in self.reasons:
                    with self._budget.piece(left / beside):
                        self._time(workers, name, turn)

    def _started(self, workers: Workers, processes: Sequence[_Process]) -> list[_Process]:
        """Start these processes together; return those that started in time."""
        with self._budget.piece(START_SHARE * self._budget.left):
            try:
                workers.warm({process: self._job(process[0]) for process in processes})
            except Abandoned as late:
                return [process for process in processes if process not in late.workers]
        return list(processes)

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
        """Return the fields of a row that describe the backend."""
        query = self._question
        if name == SKLEARN:
            shared = {"dtype": query.dtype, "threads": query.threads, "processes": 1}
            return {"backend": name, "device": "cpu", **shared}
        return backend_fields(name, query.dtype, query.threads)

    def _measurement(self, name: str, process: int, seen: Timings) -> Measurement:
        """Return a row as a study writes it, with the fields that decide whether it counts."""
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
    """Return the text of the model file of a training on ``rows`` rows, in TOML."""
    classes = problem.outputs if problem.outputs > 1 else None
    tables: list[tuple[str, Mapping[str, object]]] = [
        ("", {name: getattr(problem, name) for name in ("loss", "batch", "feed", "models")}),
        ("[data]", {"rows": rows, "features": problem.dataset.features, "classes": classes}),
        ("[optimizer]", {"name": problem.optimizer.kind.split()[0], **asdict(problem.optimizer)}),
        *(("[[layers]]", asdict(layer)) for layer in problem.layers),
    ]
    return "\n".join(line for title, table in tables for line in _table(title, table))


def _table(title: str, table: Mapping[str, object]) -> Iterator[str]:
    """Yield the lines of a table in TOML; its values are written as in JSON."""
    yield title
    for key, value in table.items():
        if value is not None:
            yield f"{key} = {json.encode(value).decode()}"


def _fewer_rows(shape: TrainingShape) -> TrainingShape:
    """Return the shape with only as many rows as its batches need to differ.

    Further rows do not change an iteration, and making millions of values takes measuring time.
    """
    if shape.batch is None:
        return shape
    enough = max(4 * shape.batch, _MOST_VALUES // shape.features, 4 * shape.outputs)
    return replace(shape, rows=min(shape.rows, enough))
