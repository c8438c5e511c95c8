"""Reading asv's results folder: ``benchmarks.json`` and a file for each machine and commit.

Format 2, as asv 0.6 writes it (asv/results.py). asv stores parameters as their ``repr``, NaN for
a case that was skipped and null for one that failed.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from math import isfinite, isnan
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement

Kind = TypeVar("Kind", bound=Struct)

_VERSION = 2


class _Benchmark(Struct):
    type: str = ""
    param_names: list[str] = []
    pretty_name: str | None = None


class _Results(Struct):
    commit_hash: str
    params: dict[str, Any]
    result_columns: list[str]
    results: dict[str, list[Any]]
    version: int


def is_asv_folder(folder: Path) -> bool:
    """Whether asv keeps its results here."""
    return (folder / "benchmarks.json").is_file()


def read_asv(folder: Path) -> Iterator[Measurement]:
    """A row for each time that asv has of a backend at a size.

    Reads benchmarks of the kind ``time`` with parameters named ``backend`` and ``size``. The family
    is the benchmark's name as asv shows it. ``seconds`` is the lower quartile that asv keeps beside
    its median, or the median where it keeps none. Raises `UserError` naming the file.
    """
    file = folder / "benchmarks.json"
    listed = _load(file)
    benchmarks = {
        name: _convert(file, entry, _Benchmark)
        for name, entry in listed.items()
        if isinstance(entry, dict)
    }
    for results in sorted(folder.glob("*/*.json")):
        if results.name != "machine.json":
            yield from _read_file(results, benchmarks)


def _read_file(file: Path, benchmarks: dict[str, _Benchmark]) -> Iterator[Measurement]:
    found = _convert(file, _load(file), _Results)
    if found.version != _VERSION:
        raise UserError(f"{file}: asv's format {found.version} is not read; run `asv update`")
    for name, values in found.results.items():
        benchmark = benchmarks.get(name)
        if benchmark is None or benchmark.type != "time":
            continue
        if not {"backend", "size"} <= set(benchmark.param_names):
            continue
        columns = dict(zip(found.result_columns, values, strict=False))
        family = benchmark.pretty_name or name
        for place, words in enumerate(product(*columns["params"])):
            named = dict(zip(benchmark.param_names, map(_value, words), strict=True))
            yield _row(found, columns, place, family, named)


def _row(
    found: _Results, columns: dict[str, Any], place: int, family: str, named: dict[str, Any]
) -> Measurement:
    median = _at(columns, "result", place)
    skipped = isinstance(median, float) and isnan(median)
    measured = isinstance(median, int | float) and isfinite(median)
    quartile = _at(columns, "stats_q_25", place)
    samples = _at(columns, "samples", place)
    reason = None if measured else "n/a in asv" if skipped else "failed in asv"
    return Measurement(
        source="asv",
        machine=str(found.params.get("machine", "unknown")),
        commit=found.commit_hash[:12],
        when=_when(_at(columns, "started_at", place)),
        problem=f"{family}:{named['size']}",
        family=family,
        size=named["size"],
        backend=str(named["backend"]),
        seconds=(quartile if quartile is not None else median) if measured else None,
        samples=samples if measured and samples else [],
        status="ok" if measured else "skipped" if skipped else "failed",
        reason=reason,
    )


def _at(columns: dict[str, Any], column: str, place: int) -> Any:
    """The value of a column for one combination of parameters; some columns have one for all."""
    value = columns.get(column)
    return value[place] if isinstance(value, list) else value


def _value(word: str) -> Any:
    """A parameter from its ``repr``; what is no literal stays text. Nothing is executed."""
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return word


def _when(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _load(file: Path) -> dict[str, Any]:
    try:
        # asv writes NaN and Infinity, which JSON has not; Python's own reader takes them.
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: not asv's JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{file}: not asv's JSON: no object at the top")
    return content


def _convert(file: Path, content: object, kind: type[Kind]) -> Kind:
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{file}: not what asv writes: {error}") from None
