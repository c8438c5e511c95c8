"""Read asv's results as rows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import product
from math import isnan, prod
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.asv_files import (
    AsvBenchmark,
    Results,
    Values,
    benchmark_list,
    load_benchmarks,
    load_file,
    result_files,
)
from perceptron.records.readers.foreign_rows import ForeignRow, SourceContents
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.records.readers.values import duration, stdev
from perceptron.untrusted_text import label

# asv finds benchmarks of time by these names, where its own list does not say.
_TIME = re.compile(r"(.*\.)?(timeraw|time|Timeraw|Time)(_|[A-Z])[^.]*")
_NUMPY_SCALAR = re.compile(r"(?:np|numpy)\.\w+\((.*)\)")
_CLASS = re.compile(r"<class '(.+)'>")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_MOST_COMBINATIONS = 100_000


def read_asv(source: Path, roles: ParameterRoles) -> SourceContents:
    """Return a row for each time of a backend at a size; every file of results is a run.

    ``source`` is a results folder, a machine's folder in one, or one file of results. Benchmarks of
    time are read if they have the parameters of ``roles``. Where no list of benchmarks names a
    benchmark's parameters, they are ``param1``, ``param2`` …, as asv names them. ``seconds`` is the
    lower quartile that asv keeps beside its median, or the median where it keeps none. Raises
    `UserError` naming the file, and the benchmark and parameter.
    """
    lists: dict[Path, dict[str, AsvBenchmark]] = {}
    runs: list[list[ForeignRow]] = []
    unused: set[str] = set()
    for file in [source] if source.is_file() else result_files(source):
        if file.parent not in lists:
            lists[file.parent] = load_benchmarks(benchmark_list(file))
        run, left_out = read_asv_file(file, lists[file.parent], roles)
        runs.append(run)
        unused |= left_out
    return SourceContents(runs=runs, selected=True, unused=frozenset(unused))


def read_asv_file(
    file: Path, benchmarks: dict[str, AsvBenchmark], roles: ParameterRoles
) -> tuple[list[ForeignRow], set[str]]:
    """Return the rows of one file of results, and the parameters of benchmarks left out.

    Raises `UserError` naming the file, and the benchmark and parameter.
    """
    results = load_file(file)
    run: list[ForeignRow] = []
    unused: set[str] = set()
    for name, benchmark, values in _times(file, results, benchmarks):
        if roles.names <= set(benchmark.param_names):
            run += _rows(f"{file}, benchmark {name}", results, name, benchmark, values, roles)
        else:
            unused.update(benchmark.param_names)
    return run, unused


def _times(
    file: Path, results: Results, benchmarks: dict[str, AsvBenchmark]
) -> Iterator[tuple[str, AsvBenchmark, Values]]:
    """Yield the benchmarks of time in a file; the names of their parameters fit their values."""
    for name in results.results:
        benchmark = benchmarks.get(name) or AsvBenchmark(
            type="time" if _TIME.fullmatch(name) else ""
        )
        if benchmark.type != "time":
            continue
        try:
            values = results.values(name)
        except (msgspec.ValidationError, RecursionError) as error:
            raise UserError(f"{file}, benchmark {name}: not what asv writes: {error}") from None
        if len(benchmark.param_names) != len(values.params):
            # The list is of another revision than these values, or there is none.
            names = [f"param{number}" for number in range(1, len(values.params) + 1)]
            benchmark = replace(benchmark, param_names=names)
        yield name, benchmark, values


def _rows(
    where: str,
    results: Results,
    name: str,
    benchmark: AsvBenchmark,
    values: Values,
    roles: ParameterRoles,
) -> Iterator[ForeignRow]:
    combinations = prod(len(choices) for choices in values.params)
    if combinations > _MOST_COMBINATIONS or len(values.result or []) not in (0, combinations):
        raise UserError(
            f"{where}: {len(values.result or [])} values for {combinations} combinations of "
            "parameters; run it again"
        )
    family, full = label(benchmark.pretty_name or name), label(name)
    shared = _shared(results, values)
    for index, words in enumerate(product(*values.params)):
        parameters = dict(zip(benchmark.param_names, map(parse_parameter, words), strict=True))
        size = roles.size_of(parameters, where)
        row = Measurement(
            **shared,
            # So our own benchmarks are called; `naming` names the others.
            problem=f"{family}:{size}" if roles == ParameterRoles() else None,
            family=family,
            size=size,
            backend=roles.backend(parameters),
            **roles.ground(parameters),
            **_outcome(values, index),
        )
        yield ForeignRow(row=row, name=full, others=roles.others(parameters))


def _shared(results: Results, values: Values) -> dict[str, Any]:
    """Return the fields that the rows of one benchmark share."""
    committed = _when(results.date)
    return {
        "source": "asv",
        "machine": label(results.params.get("machine", "unknown")),
        "environment": None if results.env_name is None else label(results.env_name),
        "commit": label(results.commit_hash)[:12],
        "committed": committed or None,
        "when": _when(values.started_at) or committed,
    }


def _outcome(values: Values, index: int) -> dict[str, Any]:
    result = _at(values.result, index)
    seconds = duration(result)
    if seconds is None:
        skipped = isinstance(result, float) and isnan(result)
        reason = "n/a in asv" if skipped else "failed in asv"
        return {"status": "skipped" if skipped else "failed", "reason": reason}
    samples = _at(values.samples, index)
    times = [duration(sample) for sample in samples] if isinstance(samples, list) else []
    return {
        "seconds": duration(_at(values.quartile, index)) or seconds,
        "stdev": stdev(_at(values.stdev, index)),
        "samples": [sample for sample in times if sample is not None],
    }


def _at(values: list[Any] | None, index: int) -> Any:
    return values[index] if values and index < len(values) else None


@lru_cache(maxsize=4096)  # a history repeats the same few texts
def parse_parameter(word: str) -> Any:
    """Return a parameter from its ``repr``, as text if it is no plain value; executes nothing."""
    if scalar := _NUMPY_SCALAR.fullmatch(word):
        word = scalar[1]
    try:
        value = ast.literal_eval(word.removesuffix("L"))  # a long integer of Python 2
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        value = None
    if isinstance(value, str | float) or (isinstance(value, int) and value.bit_length() <= 64):
        return value  # Python refuses to write out a larger one of thousands of digits
    if name := _CLASS.fullmatch(word):
        return name[1]  # as asv shows it
    return _ADDRESS.sub("", word)


def _when(milliseconds: object) -> str:
    """Return a time of asv's in UTC, ISO 8601; empty where there is none."""
    if not isinstance(milliseconds, int | float):
        return ""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
