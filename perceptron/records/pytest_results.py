"""Reading what ``pytest --benchmark-json`` writes.

A benchmark of ours says in ``extra_info`` which row it is (see benchmarks/test_train.py); others
have no backend and no size to read, and are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement


class _Stats(Struct):
    q1: float
    data: list[float] = []


class _Benchmark(Struct):
    stats: _Stats
    extra_info: dict[str, Any] = {}


class _Info(Struct):
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


class _Machine(Struct):
    node: str = "unknown"


class _Commit(Struct):
    id: str | None = None
    dirty: bool | None = None


class _File(Struct):
    benchmarks: list[_Benchmark]
    machine_info: _Machine
    datetime: str
    commit_info: _Commit = msgspec.field(default_factory=_Commit)


def read_pytest(file: Path) -> Iterator[Measurement]:
    """A row for each benchmark that names its backend and size, in seconds per iteration.

    Raises `UserError` naming the file and the field that cannot be understood.
    """
    try:
        found = msgspec.json.decode(file.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not what pytest-benchmark writes: {error}") from None
    for benchmark in found.benchmarks:
        if {"backend", "size", "iterations"} <= set(benchmark.extra_info):
            yield _row(file, found, benchmark)


def _row(file: Path, found: _File, benchmark: _Benchmark) -> Measurement:
    try:
        info = msgspec.convert(benchmark.extra_info, _Info)
    except msgspec.ValidationError as error:
        raise UserError(f"{file}: extra_info: {error}") from None
    commit = found.commit_info.id
    return Measurement(
        source="pytest-benchmark",
        machine=found.machine_info.node,
        commit=commit and commit[:12] + ("-dirty" if found.commit_info.dirty else ""),
        when=found.datetime,
        problem=info.problem,
        family=info.family,
        size=info.size,
        rows=info.rows,
        features=info.features,
        hidden=info.hidden,
        backend=info.backend,
        device=info.device,
        dtype=info.dtype,
        seconds=benchmark.stats.q1 / info.iterations,
        samples=[seconds / info.iterations for seconds in benchmark.stats.data],
        iterations=info.iterations,
    )
