"""Read what ``pytest --benchmark-json`` writes.

A benchmark of ours says in ``extra_info`` which row it is (see benchmarks/test_train.py). For
others parameters say it: those of the test, what it keeps in ``extra_info``, its ``group``, or its
``name`` without brackets.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.foreign_rows import ForeignRow, SourceContents
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.records.readers.pytest_ids import name_opaque
from perceptron.records.readers.values import duration, stdev
from perceptron.untrusted_text import label


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
        """The lower quartile of a round's time, or the next best that the file has."""
        stats = self.stats or {}
        candidates = (duration(stats.get(name)) for name in ("q1", "median", "mean", "min"))
        return next((seconds for seconds in candidates if seconds is not None), None)

    @property
    def samples(self) -> list[float]:
        data = (self.stats or {}).get("data")
        times = [duration(value) for value in data] if isinstance(data, list) else []
        return [seconds for seconds in times if seconds is not None]


class _Own(Struct):
    """What a benchmark of ours keeps in ``extra_info``."""

    problem: str
    family: str
    size: int | float
    backend: str
    iterations: int
    rows: int | None = None
    features: int | None = None
    hidden: list[int] | None = None
    device: str | None = None
    dtype: str | None = None


_OWN = frozenset({"problem", "family", "size", "backend", "iterations"})


class _Machine(Struct):
    node: str = "unknown"


class _Commit(Struct):
    id: str | None = None
    dirty: bool | None = None


class _File(Struct):
    benchmarks: list[_Benchmark]
    machine_info: _Machine | None = None
    datetime: str = ""
    commit_info: _Commit | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What all rows of the file share."""
        commit = self.commit_info or _Commit()
        dirty = "-dirty" if commit.dirty else ""
        return {
            "source": "pytest-benchmark",
            "machine": label((self.machine_info or _Machine()).node) or "unknown",
            "commit": label(commit.id)[:12] + dirty if commit.id else None,
            "when": label(self.datetime),
        }


def read_pytest(file: Path, content: bytes, roles: ParameterRoles) -> SourceContents:
    """Return a row for each benchmark with the parameters of ``roles``, and for each of our own.

    ``seconds`` is the lower quartile of its rounds; of our own, per training iteration. Raises
    `UserError` naming the file and the benchmark or field that cannot be understood.
    """
    try:
        # pytest-benchmark writes NaN and Infinity, which only Python's own reader accepts.
        document = msgspec.convert(json.loads(content), _File)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: not what pytest-benchmark writes: {error}") from None
    run: list[ForeignRow] = []
    unused: set[str] = set()
    for benchmark in document.benchmarks:
        info = benchmark.extra_info or {}
        if set(info) >= _OWN:
            run.append(ForeignRow(row=_own_row(file, document, benchmark), own=True))
            continue
        parameters = benchmark.parameters
        known = {"name": benchmark.function, "group": benchmark.group, **info, **parameters}
        known = {name: value for name, value in known.items() if value is not None or name in info}
        if roles.names <= set(known):
            run.append(_row(file, document, benchmark, known, roles))
        else:
            unused.update(known)
    return SourceContents(runs=[run], selected=True, unused=frozenset(unused))


def _row(
    file: Path, document: _File, benchmark: _Benchmark, known: dict[str, Any], roles: ParameterRoles
) -> ForeignRow:
    family, full_name = benchmark.function, benchmark.fullname.removesuffix(benchmark.name)
    full_name += family
    if "name" in roles.by:
        # Then what has several backends is whatever the tests have in common.
        family = full_name = benchmark.group or benchmark.fullname.partition("::")[0] or "benchmark"
    seconds = benchmark.seconds
    row = Measurement(
        **document.facts,
        family=label(family) or "benchmark",
        size=roles.size_of(known, f"{file}, benchmark {label(benchmark.name)}"),
        backend=roles.backend(known),
        **roles.ground(known),
        seconds=seconds,
        samples=benchmark.samples if seconds else [],
        stdev=stdev((benchmark.stats or {}).get("stddev")) if seconds else None,
        status="ok" if seconds else "failed",
        reason=None if seconds else "no time in pytest-benchmark",
    )
    return ForeignRow(row=row, name=label(full_name), others=roles.others(benchmark.parameters))


def _own_row(file: Path, document: _File, benchmark: _Benchmark) -> Measurement:
    try:
        info = msgspec.convert(benchmark.extra_info, _Own)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UserError(f"{file}: extra_info: {error}") from None
    seconds = benchmark.seconds
    if seconds is None or info.iterations < 1:
        raise UserError(f"{file}: {info.problem} on {info.backend} has no time; measure it again")
    return Measurement(
        **document.facts,
        problem=info.problem,
        family=info.family,
        size=info.size,
        rows=info.rows,
        features=info.features,
        hidden=info.hidden,
        backend=info.backend,
        device=info.device,
        dtype=info.dtype,
        seconds=seconds / info.iterations,
        samples=[sample / info.iterations for sample in benchmark.samples],
        iterations=info.iterations,
    )
