"""Read what ``pytest --benchmark-json`` writes.

A benchmark of ours says in ``extra_info`` which row it is (see benchmarks/test_train.py). For
others parameters say it: those of the test, what it keeps in ``extra_info``, its ``group``, or its
``name`` without brackets.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.pytest_benchmark.ids import name_opaque
from perceptron.records.readers.shared.foreign_rows import ForeignRow
from perceptron.records.readers.shared.reading import (
    NO_SUCH_PARAMETERS,
    NOT_ASKED_FOR,
    ReadingNotes,
    ReadRequest,
)
from perceptron.records.readers.shared.values import (
    duration,
    in_utc,
    median_interval,
    revision,
    stdev,
)
from perceptron.untrusted_text import label, printable, quoted


class _Benchmark(Struct):
    name: str = ""
    fullname: str = ""
    group: str | None = None
    params: dict[str, Any] | None = None
    param: str | None = None
    stats: dict[str, Any] | None = None
    extra_info: dict[str, Any] | None = None

    @property
    def function(self) -> str:
        return self.name.partition("[")[0]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the test; older files have only its id."""
        if self.params is None and self.param is not None:
            pieces = self.param.split("-")
            return {f"param{number}": piece for number, piece in enumerate(pieces, start=1)}
        test_id = self.param
        if test_id is None and self.name.endswith("]"):
            test_id = self.name.partition("[")[2][:-1]
        return name_opaque(self.params or {}, test_id)

    @property
    def seconds(self) -> float | None:
        """The median of the rounds' times, or the next best that the file has."""
        stats = self.stats or {}
        stated = (stats.get(name) for name in ("median", "mean", "min"))
        return duration(next((value for value in stated if value is not None), None))

    def interval(self, seconds: float) -> tuple[float | None, float | None]:
        """Return the 99 % interval of the median, from the quartiles."""
        stats = self.stats or {}
        return median_interval(seconds, stats.get("q1"), stats.get("q3"), stats.get("rounds"))

    @property
    def samples(self) -> list[float]:
        data = (self.stats or {}).get("data")
        times = [duration(value) for value in data] if isinstance(data, list) else []
        return [seconds for seconds in times if seconds is not None]


class _Own(Struct):
    """What a benchmark of ours keeps in ``extra_info``.

    Files from before it said how rows were trained are of full batches, one output and plain
    descent.
    """

    problem: str
    family: str
    size: int | float
    backend: str
    iterations: int
    problem_digest: str | None = None
    rows: int | None = None
    features: int | None = None
    hidden: list[int] | None = None
    axes: tuple[str, ...] = ()
    outputs: int | None = 1
    batch: int | None = None
    iterations_per_epoch: int | None = 1
    models: int | None = None
    folds: bool | None = None
    optimizer: str | None = "sgd"
    feed: str | None = "resident"
    device: str | None = None
    dtype: str | None = None


_OWN = frozenset({"problem", "family", "size", "backend", "iterations"})


class _Machine(Struct):
    node: str = "unknown"
    python_implementation: str | None = None
    python_version: str | None = None

    @property
    def environment(self) -> str | None:
        """The interpreter; nothing else of the environment is in the file."""
        stated = filter(None, (self.python_implementation, self.python_version))
        return label(" ".join(stated)) or None


class _Commit(Struct):
    id: str | None = None
    time: str | None = None
    dirty: bool | None = None


class _File(Struct):
    benchmarks: list[_Benchmark]
    machine_info: _Machine | None = None
    datetime: str = ""
    commit_info: _Commit | None = None

    @property
    def machine(self) -> str:
        return label((self.machine_info or _Machine()).node) or "unknown"

    def facts(self, file: Path) -> dict[str, Any]:
        """Return what all rows of the file share."""
        commit = self.commit_info or _Commit()
        known = revision(commit.id)
        dirty = "-dirty" if commit.dirty else ""
        return {
            "source": "pytest-benchmark",
            "file": printable(file),
            "machine": self.machine,
            "environment": (self.machine_info or _Machine()).environment,
            "commit": known and known + dirty,
            "committed": in_utc(commit.time),
            "when": label(self.datetime),
        }


def is_pytest(document: object) -> bool:
    """Whether this is what ``pytest --benchmark-json`` writes."""
    return isinstance(document, dict) and "benchmarks" in document and "context" not in document


def read_pytest(
    file: Path, content: object, request: ReadRequest, notes: ReadingNotes
) -> list[list[ForeignRow]]:
    """Return a row for each benchmark with the parameters asked for, and for each of our own.

    ``content`` is the file's JSON. ``seconds`` is the median of the rounds; of our own, per
    training iteration. Raises `UserError` naming the file and the field that cannot be understood.
    """
    try:
        document = msgspec.convert(content, _File)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UserError(f"{file}: not what pytest-benchmark writes: {error}") from None
    facts = document.facts(file)
    run: list[ForeignRow] = []
    for benchmark in document.benchmarks:
        info = benchmark.extra_info or {}
        if set(info) >= _OWN:
            own = _own_row(file, facts, benchmark)
            notes.families.add(own.family)
            if request.wants(own.family):
                run.append(ForeignRow(row=own, own=True))
            else:
                notes.leave_out(1, NOT_ASKED_FOR)
            continue
        parameters = benchmark.parameters
        known = {"name": benchmark.function, "group": benchmark.group}
        known |= request.roles.parameters(benchmark.name, document.machine)
        known |= {**info, **parameters}
        known = {name: value for name, value in known.items() if value is not None or name in info}
        row = _row(file, facts, benchmark, known, parameters, request, notes)
        if row is not None:
            run.append(row)
    return [run]


def _row(
    file: Path,
    facts: dict[str, Any],
    benchmark: _Benchmark,
    known: dict[str, Any],
    parameters: dict[str, Any],
    request: ReadRequest,
    notes: ReadingNotes,
) -> ForeignRow | None:
    """Return the row of a benchmark of others; None where it is left out, which is noted."""
    roles = request.roles
    if not roles.names <= set(known):
        notes.unused.update(known)
        notes.leave_out(1, NO_SUCH_PARAMETERS)
        return None
    family, full_name = benchmark.function, benchmark.fullname.removesuffix(benchmark.name)
    full_name += family
    if "name" in roles.backends:
        # Then what has several backends is whatever the tests have in common.
        family = full_name = benchmark.group or benchmark.fullname.partition("::")[0] or "benchmark"
    family, full_name = label(family) or "benchmark", label(full_name)
    notes.families.add(family)
    if not request.wants(family, full_name):
        notes.leave_out(1, NOT_ASKED_FOR)
        return None
    size = roles.size_of(known)
    if size is None:
        value = quoted(known[roles.size])
        notes.complain_of_size(file, label(benchmark.function), roles.size, value, 1)
        return None
    seconds = benchmark.seconds
    low, high = benchmark.interval(seconds) if seconds else (None, None)
    row = Measurement(
        **facts,
        family=family,
        size=size,
        backend=roles.backend(known),
        **roles.ground(known),
        seconds=seconds,
        low=low,
        high=high,
        samples=benchmark.samples if seconds else [],
        stdev=stdev((benchmark.stats or {}).get("stddev")) if seconds else None,
        status="ok" if seconds else "failed",
        reason=None if seconds else "no time in pytest-benchmark",
    )
    return ForeignRow(row=row, name=full_name, others=roles.others(parameters))


def _own_row(file: Path, facts: dict[str, Any], benchmark: _Benchmark) -> Measurement:
    try:
        info = msgspec.convert(benchmark.extra_info, _Own)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UserError(f"{file}: extra_info: {error}") from None
    seconds = benchmark.seconds
    if seconds is None or info.iterations < 1:
        raise UserError(f"{file}: {info.problem} on {info.backend} has no time; measure it again")
    low, high = (end and end / info.iterations for end in benchmark.interval(seconds))
    return Measurement(
        **facts,
        problem=info.problem,
        problem_digest=info.problem_digest,
        family=info.family,
        size=info.size,
        rows=info.rows,
        features=info.features,
        hidden=info.hidden,
        axes=info.axes,
        outputs=info.outputs,
        batch=info.batch,
        iterations_per_epoch=info.iterations_per_epoch,
        models=info.models,
        folds=info.folds,
        optimizer=info.optimizer,
        feed=info.feed,
        backend=info.backend,
        device=info.device,
        dtype=info.dtype,
        seconds=seconds / info.iterations,
        low=low,
        high=high,
        samples=[sample / info.iterations for sample in benchmark.samples],
        iterations=info.iterations,
    )
