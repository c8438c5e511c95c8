"""Read asv's results as rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, islice, repeat
from math import isnan, prod
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.files.regular import must_be_a_file
from perceptron.records.measurement import Measurement
from perceptron.records.readers.asv.files import (
    AsvBenchmark,
    Results,
    Values,
    benchmark_list,
    load_benchmarks,
    load_file,
    result_files,
)
from perceptron.records.readers.asv.parameters import cases
from perceptron.records.readers.shared.foreign_rows import ForeignRow, SourceContents
from perceptron.records.readers.shared.parameter_roles import ParameterRoles
from perceptron.records.readers.shared.reading import (
    NO_SUCH_PARAMETERS,
    NOT_ASKED_FOR,
    ReadingNotes,
    ReadRequest,
)
from perceptron.records.readers.shared.values import (
    duration,
    median_interval,
    revision,
    stated_interval,
    stdev,
)
from perceptron.untrusted_text import label, printable

# asv finds benchmarks of time by these names, where its own list does not say.
_TIME = re.compile(r"(.*\.)?(timeraw|time|Timeraw|Time)(_|[A-Z])[^.]*")
_MOST_COMBINATIONS = 100_000
# A few bytes say of any number of combinations that they failed: beyond this they are only counted.
_MOST_FAILED = 1_000


def read_asv(source: Path, request: ReadRequest, notes: ReadingNotes) -> SourceContents:
    """Return a row for each time of a backend at a size; every file of results is a run.

    ``source`` is a results folder, a machine's folder in one, or one file of results. Benchmarks of
    time are read if they have the parameters that hold the backend and the size. Where no list of
    benchmarks names a benchmark's parameters, they are ``param1``, ``param2`` …, as asv names them.
    ``seconds`` is asv's median. Files and benchmarks that cannot be understood are in ``notes``; of
    a single file, raises `UserError` naming it.
    """
    lists: dict[Path, dict[str, AsvBenchmark]] = {}
    runs: list[list[ForeignRow]] = []
    for file in [source] if source.is_file() else result_files(source):
        if file.parent not in lists:
            lists[file.parent] = _list_of(file, notes)
        try:
            must_be_a_file(file)
            if file != source and not notes.is_new(file):
                continue
            runs.append(read_asv_file(file, lists[file.parent], request, notes))
        except UserError as error:
            if file == source:
                raise
            notes.not_read(file, error)
    return SourceContents(runs=runs, formats=frozenset({"asv"}), has_parameters=True)


def _list_of(file: Path, notes: ReadingNotes) -> dict[str, AsvBenchmark]:
    """Return the list for a file of results; none where it cannot be read, which is noted."""
    listed = benchmark_list(file)
    if listed is None:
        return {}

    def complain(what: str) -> None:
        advice = "its parameters are called param1, param2 …"
        notes.complain(listed, what.removeprefix(f"{listed}: "), advice)

    try:
        must_be_a_file(listed)
        return load_benchmarks(listed, complain)
    except UserError as error:
        notes.not_read(listed, error)
        return {}


def read_asv_file(
    file: Path, benchmarks: dict[str, AsvBenchmark], request: ReadRequest, notes: ReadingNotes
) -> list[ForeignRow]:
    """Return the rows of one file of results; raises `UserError` naming a file that is none."""
    results = load_file(file)
    notes.files += 1
    run: list[ForeignRow] = []
    for name in results.results:
        benchmark = benchmarks.get(name) or AsvBenchmark(
            type="time" if _TIME.fullmatch(name) else ""
        )
        if benchmark.type != "time":
            notes.leave_out(results.count(name), "of a benchmark of something else than time")
            continue
        families = _families(name, benchmark, request.roles)
        notes.families.add(families[0])
        if not request.wants(*families):
            notes.leave_out(results.count(name), NOT_ASKED_FOR)
            continue
        try:
            values = results.values(name)
            # The list may be of another revision than these values, or there is none.
            if len(benchmark.param_names) != len(values.params):
                names = [f"param{number}" for number in range(1, len(values.params) + 1)]
                benchmark = replace(benchmark, param_names=names)
            run += _rows(file, results, name, benchmark, values, request, notes)
        except (msgspec.ValidationError, RecursionError) as error:
            notes.leave_out(results.count(name), "not what asv writes")
            notes.complain(
                file, f"benchmark {label(name)}: not what asv writes: {error}", "run it again"
            )
    return run


def _rows(
    file: Path,
    results: Results,
    name: str,
    benchmark: AsvBenchmark,
    values: Values,
    request: ReadRequest,
    notes: ReadingNotes,
) -> list[ForeignRow]:
    roles = request.roles
    machine = label(results.params.get("machine", "unknown"))
    fixed = roles.parameters(label(name), machine)
    known = {*fixed, *benchmark.param_names}
    combinations = prod(len(choices) for choices in values.params)
    result = values.result or []
    # Where a benchmark failed as a whole, asv keeps one null, or nothing.
    whole = result in ([], [None])
    count = combinations if whole else len(result)
    if not roles.names <= known:
        notes.unused.update(known)
        notes.leave_out(count, NO_SUCH_PARAMETERS)
        return []
    if combinations > _MOST_COMBINATIONS or not (whole or len(result) == combinations):
        notes.leave_out(count, "of a benchmark with values for other parameters")
        notes.complain(
            file,
            f"benchmark {label(name)}: {len(result)} values for {combinations} combinations of "
            "parameters",
            "run it again; it is left out",
        )
        return []
    if whole and combinations > _MOST_FAILED:
        notes.leave_out(count, "of a benchmark that failed as a whole in asv")
        return []
    family, full_name = _families(name, benchmark, roles)
    shared = _shared(file, results, values, machine)
    meanings = cases(
        roles,
        tuple(benchmark.param_names),
        tuple(tuple(choices) for choices in values.params),
        tuple(fixed.items()),
    )
    rows = []
    unusable: Counter[str] = Counter()
    for case, outcome in zip(meanings, _outcomes(values, combinations), strict=True):
        if isinstance(case, str):
            unusable[case] += 1
            continue
        row = Measurement(
            **shared,
            problem=f"{family}:{case.size}" if request.ours else None,
            family=family,
            size=case.size,
            backend=case.backend,
            **case.ground,
            **outcome,
        )
        rows.append(ForeignRow(row=row, name=full_name, others=case.others))
    for value, unusable_rows in unusable.items():
        notes.complain_of_size(file, label(name), roles.size, value, unusable_rows)
    return rows


def _families(name: str, benchmark: AsvBenchmark, roles: ParameterRoles) -> tuple[str, str]:
    """Return the short and the full name of the family that a benchmark belongs to."""
    if "name" in roles.backends:
        # Then what has several backends is whatever the benchmarks have in common.
        module = label(name).rpartition(".")[0] or "benchmark"
        return module, module
    return label(benchmark.pretty_name or name), label(name)


def _shared(file: Path, results: Results, values: Values, machine: str) -> dict[str, Any]:
    """Return the fields that the rows of one benchmark share."""
    committed = _when(results.date)
    environment = results.environment
    return {
        "source": "asv",
        "file": printable(file),
        "machine": machine,
        "environment": None if environment is None else label(environment),
        "commit": revision(results.commit_hash),
        "committed": committed or None,
        "version": revision(values.version),
        "when": _when(values.started_at) or committed,
    }


def _outcomes(values: Values, combinations: int) -> Iterator[dict[str, Any]]:
    """Yield the fields of each combination's row that say how long it took, or why it has none."""
    columns = (
        values.result,
        values.low,
        values.high,
        values.lower_quartile,
        values.upper_quartile,
        values.repeat,
        values.stdev,
        values.samples,
    )
    padded = (islice(chain(column or (), repeat(None)), combinations) for column in columns)
    for result, low, high, lower, upper, count, deviation, samples in zip(*padded, strict=True):
        seconds = duration(result)
        if seconds is None:
            yield _no_time(result)
            continue
        interval = stated_interval(low, high, seconds)
        if interval == (None, None):
            interval = median_interval(seconds, lower, upper, count)
        fields: dict[str, Any] = {"seconds": seconds, "low": interval[0], "high": interval[1]}
        if deviation is not None:
            fields["stdev"] = stdev(deviation)
        if isinstance(samples, list):
            times = (duration(sample) for sample in samples)
            fields["samples"] = [sample for sample in times if sample is not None]
        yield fields


def _no_time(result: object) -> dict[str, Any]:
    if isinstance(result, float) and isnan(result):
        return {"status": "skipped", "reason": "n/a in asv"}
    why = "failed in asv" if result is None else "not a time above 0 in asv"
    return {"status": "failed", "reason": why}


def _when(milliseconds: object) -> str:
    """Return a time of asv's in UTC, ISO 8601; empty where there is none."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return ""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
