"""Read what Google Benchmark writes with ``--benchmark_out_format=json``.

See ``src/json_reporter.cc`` and ``src/benchmark_name.cc`` in google/benchmark.
"""

from __future__ import annotations

import re
from statistics import median, quantiles
from typing import Any

from msgspec import Struct

from perceptron.grouping import grouped
from perceptron.records.readers.reading import AN_AGGREGATE, BenchmarkRows, JsonFormat, StatedTime
from perceptron.records.readers.values import (
    MEDIAN_ERROR,
    in_utc,
    mean_interval,
    median_interval,
    number,
    stdev,
    time_unit,
)
from perceptron.untrusted_text import label

# How a benchmark was run stands behind its arguments.
_MODIFIER = re.compile(
    r"min_time:.*|min_warmup_time:.*|iterations:\d+|repeats:\d+|process_time|real_time|manual_time"
    r"|threads:(?P<threads>\d{1,9})"
)
_ARGUMENT = re.compile(r"(?:[^:]+:)?-?\d+")
_AGGREGATE_NAME = re.compile(r"_(mean|median|stddev|cv|BigO|RMS)$")


class _Entry(Struct):
    name: str
    run_name: str | None = None
    run_type: str | None = None
    aggregate_name: str | None = None
    repetitions: Any = None
    real_time: Any = None
    time_unit: str = "ns"
    error_occurred: bool = False
    error_message: str = ""
    skipped: bool = False
    skip_message: str = ""

    @property
    def aggregate(self) -> str | None:
        """What this is of the repetitions; None for one of them. Old versions only name it."""
        if self.run_type is None:
            match = _AGGREGATE_NAME.search(self.name)
            return match[1] if match else None
        return self.aggregate_name or "" if self.run_type == "aggregate" else None

    @property
    def benchmark(self) -> str:
        """The name that all repetitions share."""
        ending = f"_{self.aggregate}" if self.aggregate else ""
        return self.name.removesuffix(ending) if self.run_name is None else self.run_name

    @property
    def seconds(self) -> float | None:
        value, unit = number(self.real_time), time_unit(self.time_unit)
        return None if value is None or unit is None else unit.in_seconds(value)


class _Context(Struct):
    date: str = ""
    host_name: str = ""
    executable: str = ""


class _File(Struct):
    context: _Context
    benchmarks: list[_Entry]


def _add(document: _File, rows: BenchmarkRows) -> None:
    """Add a row for each benchmark of the executable, which is the family.

    All repetitions are of one process: ``seconds`` is their median real time.
    """
    context = document.context
    rows.begin(
        machine=label(context.host_name) or "unknown",
        when=in_utc(context.date) or label(context.date),
    )
    family = re.split(r"[/\\]", context.executable)[-1] or rows.file.name.partition(".")[0]
    benchmarks = grouped(document.benchmarks, lambda entry: entry.benchmark)
    for name, entries in benchmarks.items():
        time, used = _time(entries)
        rows.reading.leave_out(len(entries) - used, AN_AGGREGATE)
        if not used:
            continue
        rows.reading.joined += used - 1
        rows.add(family, time=time, **_parts(name))


def _parts(name: str) -> dict[str, Any]:
    """Return what a name says, as in ``BM_sort/n:4096/real_time/threads:2``."""
    function, *pieces = name.split("/")
    threads = None
    while pieces and (modifier := _MODIFIER.fullmatch(pieces[-1])):
        threads = int(modifier["threads"]) if modifier["threads"] else threads
        pieces.pop()
    first = len(pieces)
    while first and _ARGUMENT.fullmatch(pieces[first - 1]):
        first -= 1
    arguments = {}
    for index, piece in enumerate(pieces[first:], start=1):
        argument_name, _, value = piece.rpartition(":")
        arguments[label(argument_name) or f"arg{index}"] = value
    return {
        "title": "/".join([function, *pieces]),
        "name": "/".join([function, *pieces[:first]]),
        "parameters": arguments,
        "threads": threads,
    }


def _time(entries: list[_Entry]) -> tuple[StatedTime | None, int]:
    """Return the time of a benchmark, None if none is stated, and of how many entries it is."""
    repetitions = [entry for entry in entries if entry.aggregate is None]
    for entry in repetitions:
        if entry.error_occurred:
            reason = label(entry.error_message) or "error without a message"
            return {"status": "failed", "reason": reason}, len(repetitions)
        if entry.skipped:
            reason = label(entry.skip_message) or "skipped without a message"
            return {"status": "skipped", "reason": reason}, len(repetitions)
    if not repetitions:
        return _aggregate_time({entry.aggregate or "": entry for entry in reversed(entries)})
    samples = [entry.seconds for entry in repetitions if entry.seconds is not None]
    if not samples:
        return None, len(repetitions)
    time: StatedTime = {"seconds": median(samples), "samples": samples}
    if len(samples) > 1:
        lower, _, upper = quantiles(samples, method="inclusive")
        time |= median_interval(time["seconds"], lower, upper, len(samples))
    return time, len(repetitions)


def _aggregate_time(aggregates: dict[str, _Entry]) -> tuple[StatedTime | None, int]:
    """Return the time that ``--benchmark_report_aggregates_only`` leaves."""
    for name, error in (("median", MEDIAN_ERROR), ("mean", 1.0)):
        entry = aggregates.get(name)
        seconds = entry.seconds if entry else None
        if entry is None or seconds is None:
            continue
        spread = stdev(aggregates["stddev"].seconds) if "stddev" in aggregates else None
        interval = mean_interval(seconds, spread and spread * error, entry.repetitions)
        return {"seconds": seconds, "stdev": spread, **interval}, 1
    return None, 0


GOOGLE_BENCHMARK = JsonFormat(
    "Google Benchmark", lambda of: {"benchmarks", "context"} <= set(of), _File, _add
)
