"""Read the results of asv as rows.

A file holds the results of one commit (asv/results.py, ``Results.save``): a list for each
benchmark, with ``result_columns`` as the header. Parameters are stored as their ``repr``, which is
never executed; NaN is a case that was skipped and null one that failed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice, product, repeat
from math import isnan, prod
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.readers.json_text import read_json_file
from perceptron.records.readers.reading import (
    Entry,
    Facts,
    Found,
    JsonFormat,
    Reading,
    converted,
)
from perceptron.records.readers.values import (
    moment,
    revision,
    stated_time,
    without_address,
)
from perceptron.untrusted_text import label

_FACTS = ("machine.json", "benchmarks.json")
"""Files among asv's results that hold no results."""

# The names by which asv finds benchmarks of time, for results without a list of benchmarks.
_TIME = re.compile(r"(.*\.)?(timeraw|time|Timeraw|Time)(_|[A-Z])[^.]*")
_NUMPY_SCALAR = re.compile(r"(?:np|numpy)\.\w+\((.*)\)")
_CLASS = re.compile(r"<class '(.+)'>")


class AsvBenchmark(Struct, frozen=True):
    """A benchmark in ``benchmarks.json``."""

    type: str = ""
    param_names: list[str] = []
    pretty_name: str | None = None


class _Values(Struct, frozen=True):
    """All values of one benchmark: each list has a value, or None, per combination of ``params``.

    Fields are asv's columns. Times are in seconds, ``result`` are medians, ``stats_ci_99_a`` and
    ``_b`` the ends of their 99% intervals. ``started_at`` is in milliseconds since 1970, and
    ``version`` is a digest of the benchmark's code or a text of its author.
    """

    params: list[list[str]] | None = None
    result: list[Any] | None = None
    stats_ci_99_a: list[Any] | None = None
    stats_ci_99_b: list[Any] | None = None
    stats_q_25: list[Any] | None = None
    stats_q_75: list[Any] | None = None
    stats_repeat: list[Any] | None = None
    stats_std: list[Any] | None = None
    samples: list[Any] | None = None
    started_at: Any = None
    version: Any = None

    @property
    def choices(self) -> list[list[str]]:
        """The values that each parameter takes."""
        return self.params or []

    @property
    def combinations(self) -> int:
        return prod(map(len, self.choices))

    def outcomes(self) -> Iterator[dict[str, Any]]:
        """Yield for each combination the fields of its time, or of the reason why there is none."""
        columns = (
            *(self.result, self.stats_ci_99_a, self.stats_ci_99_b, self.stats_q_25),
            *(self.stats_q_75, self.stats_repeat, self.stats_std, self.samples),
        )
        rows = self.combinations
        padded = (islice(chain(column or (), repeat(None)), rows) for column in columns)
        for result, low, high, lower, upper, count, deviation, samples in zip(*padded, strict=True):
            is_absent = isinstance(result, float) and isnan(result)
            failure = "failed in asv" if result is None else "not a time above 0 in asv"
            yield stated_time(
                result,
                deviation=deviation,
                samples=samples,
                ends=(low, high),
                quartiles=(lower, upper, count),
            ) or {
                "status": "skipped" if is_absent else "failed",
                "reason": "n/a in asv" if is_absent else failure,
            }


class _Results(Struct, frozen=True):
    """asv's measurements of one commit in one environment; ``date`` is the commit's."""

    commit_hash: str
    params: dict[str, Any]
    results: dict[str, Any]
    result_columns: list[str] = []
    env_name: str | None = None
    date: Any = None
    version: Any = None

    def values(self, name: str) -> _Values:
        """Return a benchmark's values; raises `msgspec.ValidationError` if they are not asv's."""
        values = msgspec.convert(self.results[name], list[Any])
        return msgspec.convert(dict(zip(self.result_columns, values, strict=False)), _Values)


def is_asv_folder(folder: Path) -> bool:
    """Return whether a folder has asv's list of benchmarks, or facts of a machine."""
    facts = any((folder / name).is_file() for name in _FACTS)
    return facts or any(folder.glob("*/machine.json"))


def result_files(folder: Path) -> list[Path]:
    """Return the result files in a machine's folder, or in all machines' folders in a folder."""
    pattern = "*.json" if (folder / "machine.json").is_file() else "*/*.json"
    return [file for file in sorted(folder.glob(pattern)) if file.name not in _FACTS]


def _entries(results: _Results, file: Path, reading: Reading) -> Iterator[Found]:
    """Yield the facts of the run, then an entry for each case of each benchmark of time.

    Parameters that no list of benchmarks names are ``param1``, ``param2`` …, as in asv.
    ``seconds`` is asv's median. Raises `UserError` naming a file of another version of asv.
    """
    if results.version != 2:
        raise UserError(f"{file}: not in format 2 of asv; convert it with `asv update`")
    if not results.result_columns:  # as in older formats
        raise UserError(f"{file}: not what asv writes: no `result_columns`")
    environment, committed = results.env_name, moment(results.date)
    yield Facts(
        machine=label(results.params.get("machine", "unknown")),
        environment=None if environment is None else label(environment),
        commit=revision(results.commit_hash),
        committed=committed or None,
        when=committed,
    )
    benchmarks = _benchmarks_of(file, reading)
    for name in results.results:
        try:
            values = results.values(name)
        except (msgspec.ValidationError, RecursionError) as error:
            reading.skip(1, "not what asv writes")
            fault = f"benchmark {label(name)}: not what asv writes: {error}"
            reading.report_error(file, fault, "run it again")
            continue
        kind = "time" if _TIME.fullmatch(name) else ""
        benchmark = benchmarks.get(name) or AsvBenchmark(type=kind)
        yield from _cases(name, benchmark, values, file, reading)


def _benchmarks_of(file: Path, reading: Reading) -> dict[str, AsvBenchmark]:
    """Return asv's list of benchmarks for a file of results; empty if it cannot be read."""
    above_or_beside = (file.parent.parent / "benchmarks.json", file.parent / "benchmarks.json")
    path = next(filter(Path.is_file, above_or_beside), None)
    if path is None:
        return {}
    if path not in reading.asv_lists:
        try:
            content = converted(path, read_json_file(path), dict[str, Any], "asv")
            entries = {name: entry for name, entry in content.items() if name != "version"}
            lists = converted(path, entries, dict[str, AsvBenchmark], "asv")
        except UserError as error:
            reading.add_unread(path, error)
            lists = {}
        reading.asv_lists[path] = lists
    return reading.asv_lists[path]


def _cases(
    name: str, benchmark: AsvBenchmark, values: _Values, file: Path, reading: Reading
) -> Iterator[Entry]:
    """Yield the cases of one benchmark, or count them as skipped with the reason."""
    roles, title = reading.request.roles, label(name)
    count = len(values.result or [None])
    if benchmark.type != "time":
        reading.skip(count, "of a benchmark that does not measure time")
        return
    family, full_name = label(benchmark.pretty_name or name), title
    if "name" in roles.backends:
        # The benchmarks themselves are the backends: the family is their module or class.
        family = full_name = title.rpartition(".")[0] or "benchmark"
    parameters = benchmark.param_names
    # The list may be missing, or of another revision than these values.
    if len(parameters) != len(values.choices):
        parameters = [f"param{number}" for number in range(1, len(values.choices) + 1)]
    in_title = roles.parameters(title)
    if not (
        reading.includes(family, full_name, count)
        and reading.has_roles(roles, {*in_title, *parameters}, count)
    ):
        return
    if len(values.result or []) != values.combinations:
        if values.result in (None, [], [None]):  # one null for all combinations
            reading.skip(count, "of a benchmark that failed as a whole in asv")
        else:
            reading.skip(count, "of a benchmark with values for other parameters")
            fault = f"benchmark {title}: its values do not match its parameters"
            reading.report_error(file, fault, "run it again; it is left out")
        return
    fields: dict[str, Any] = {"version": revision(values.version)}
    if started := moment(values.started_at):
        fields["when"] = started
    for reprs, outcome in zip(product(*values.choices), values.outcomes(), strict=True):
        stated = dict(zip(parameters, map(_parse_parameter, reprs), strict=True))
        yield Entry(
            family,
            title,
            outcome,
            {**in_title, **stated},
            is_complete=True,
            full_name=full_name,
            fields=fields,
        )


@lru_cache(maxsize=4096)  # results of many commits repeat the same few texts
def _parse_parameter(text: str) -> Any:
    """Parse a parameter's ``repr``: a plain value, or else text. Executes nothing."""
    if scalar := _NUMPY_SCALAR.fullmatch(text):
        text = scalar[1]
    try:
        value = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        value = None
    if isinstance(value, str | float) or (isinstance(value, int) and value.bit_length() <= 64):
        return value  # Python refuses to format integers of thousands of digits
    if name := _CLASS.fullmatch(text):
        return name[1]  # as asv shows it
    return without_address(text)


ASV = JsonFormat(
    "asv",
    lambda document: {"commit_hash", "results", "params"} <= set(document),
    _Results,
    _entries,
)
