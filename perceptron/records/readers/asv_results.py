"""Reading asv's results as rows."""

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
from perceptron.records.readers.foreign import (
    ForeignRow,
    ParameterRoles,
    SourceContents,
    duration,
    spread,
)
from perceptron.untrusted_text import label

# asv finds benchmarks of time by these names, where its own list does not say.
_TIME = re.compile(r"(.*\.)?(timeraw|time|Timeraw|Time)(_|[A-Z])[^.]*")
_NUMPY_SCALAR = re.compile(r"(?:np|numpy)\.\w+\((.*)\)")
_CLASS = re.compile(r"<class '(.+)'>")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_MOST_COMBINATIONS = 100_000


def read_asv(source: Path, wanted: ParameterRoles) -> SourceContents:
    """A row for each time that asv has of a backend at a size; every file of results is a run.

    ``source`` is a results folder, a machine's folder in one, or one file of results. Benchmarks of
    time that have the wanted parameters are read. Where no list of benchmarks names a benchmark's
    parameters, they are ``param1``, ``param2`` …, as asv names them. ``seconds`` is the lower
    quartile that asv keeps beside its median, or the median where it keeps none. Raises `UserError`
    naming the file, and the benchmark and parameter.
    """
    lists: dict[Path, dict[str, AsvBenchmark]] = {}
    runs: list[list[ForeignRow]] = []
    passed_over: set[str] = set()
    for file in [source] if source.is_file() else result_files(source):
        if file.parent not in lists:
            lists[file.parent] = load_benchmarks(benchmark_list(file))
        run, others = read_asv_file(file, lists[file.parent], wanted)
        runs.append(run)
        passed_over |= others
    return SourceContents(runs=runs, chosen=True, passed_over=frozenset(passed_over))


def read_asv_file(
    file: Path, benchmarks: dict[str, AsvBenchmark], wanted: ParameterRoles
) -> tuple[list[ForeignRow], set[str]]:
    """The rows of one file of results, and the parameters of benchmarks that were passed over.

    Raises `UserError` naming the file, and the benchmark and parameter.
    """
    found = load_file(file)
    run: list[ForeignRow] = []
    passed_over: set[str] = set()
    for name, benchmark, values in _times(file, found, benchmarks):
        if wanted.names <= set(benchmark.param_names):
            run += _rows(f"{file}, benchmark {name}", found, name, benchmark, values, wanted)
        else:
            passed_over.update(benchmark.param_names)
    return run, passed_over


def _times(
    file: Path, found: Results, benchmarks: dict[str, AsvBenchmark]
) -> Iterator[tuple[str, AsvBenchmark, Values]]:
    """The benchmarks of time in a file; the names of their parameters fit their values."""
    for name in found.results:
        benchmark = benchmarks.get(name) or AsvBenchmark(
            type="time" if _TIME.fullmatch(name) else ""
        )
        if benchmark.type != "time":
            continue
        try:
            values = found.values(name)
        except (msgspec.ValidationError, RecursionError) as error:
            raise UserError(f"{file}, benchmark {name}: not what asv writes: {error}") from None
        if len(benchmark.param_names) != len(values.params):
            # The list is of another revision than these values, or there is none.
            names = [f"param{place}" for place in range(1, len(values.params) + 1)]
            benchmark = replace(benchmark, param_names=names)
        yield name, benchmark, values


def _rows(
    where: str,
    found: Results,
    name: str,
    benchmark: AsvBenchmark,
    values: Values,
    wanted: ParameterRoles,
) -> Iterator[ForeignRow]:
    combinations = prod(len(each) for each in values.params)
    if combinations > _MOST_COMBINATIONS or len(values.result or []) not in (0, combinations):
        raise UserError(
            f"{where}: {len(values.result or [])} values for {combinations} combinations of "
            "parameters; run it again"
        )
    family, full = label(benchmark.pretty_name or name), label(name)
    shared = _shared(found, values)
    for place, words in enumerate(product(*values.params)):
        parameters = dict(zip(benchmark.param_names, map(parameter, words), strict=True))
        size = wanted.size_of(parameters, where)
        row = Measurement(
            **shared,
            # What our own benchmarks are called; other names `names.named` finds.
            problem=f"{family}:{size}" if wanted == ParameterRoles() else None,
            family=family,
            size=size,
            backend=wanted.backend(parameters),
            **wanted.ground(parameters),
            **_outcome(values, place),
        )
        yield ForeignRow(row=row, name=full, others=wanted.others(parameters))


def _shared(found: Results, values: Values) -> dict[str, Any]:
    """What the rows of one benchmark have in common."""
    committed = _when(found.date)
    return {
        "source": "asv",
        "machine": label(found.params.get("machine", "unknown")),
        "environment": None if found.env_name is None else label(found.env_name),
        "commit": label(found.commit_hash)[:12],
        "committed": committed or None,
        "when": _when(values.started_at) or committed,
    }


def _outcome(values: Values, place: int) -> dict[str, Any]:
    result = _at(values.result, place)
    seconds = duration(result)
    if seconds is None:
        skipped = isinstance(result, float) and isnan(result)
        reason = "n/a in asv" if skipped else "failed in asv"
        return {"status": "skipped" if skipped else "failed", "reason": reason}
    samples = _at(values.samples, place)
    times = [duration(each) for each in samples] if isinstance(samples, list) else []
    return {
        "seconds": duration(_at(values.quartile, place)) or seconds,
        "stdev": spread(_at(values.stdev, place)),
        "samples": [each for each in times if each is not None],
    }


def _at(values: list[Any] | None, place: int) -> Any:
    return values[place] if values and place < len(values) else None


@lru_cache(maxsize=4096)  # a history says the same few words again and again
def parameter(word: str) -> Any:
    """A parameter from its ``repr``; what is no plain value is text. Nothing is executed."""
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
    """A time of asv's in UTC, ISO 8601; empty where there is none."""
    if not isinstance(milliseconds, int | float):
        return ""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
