"""Read the file that Google Benchmark writes with ``--benchmark_out_format=json``.

See ``src/json_reporter.cc`` and ``src/benchmark_name.cc`` in google/benchmark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from msgspec import Struct

from perceptron.records.grouping import grouped
from perceptron.records.readers.reading import (
    AN_AGGREGATE,
    Entry,
    Facts,
    Found,
    JsonFormat,
    Reading,
)
from perceptron.records.readers.values import (
    StatedTime,
    in_utc,
    number,
    stated_time,
    time_unit,
)
from perceptron.untrusted_text import label

# What may follow a benchmark's arguments: how it was run.
_MODIFIER = re.compile(
    r"min_time:.*|min_warmup_time:.*|iterations:\d+|repeats:\d+|process_time|real_time|manual_time"
    r"|threads:(?P<threads>\d{1,9})"
)
_ARGUMENT = re.compile(r"(?:[^:]+:)?-?\d+")


class _Benchmark(Struct):
    run_name: str
    run_type: str
    real_time: Any = None
    time_unit: str = "ns"
    error_occurred: bool = False
    error_message: str = ""
    skipped: bool = False
    skip_message: str = ""

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
    benchmarks: list[_Benchmark]


def _entries(document: _File, file: Path, reading: Reading) -> Iterator[Found]:
    """Yield an entry for each benchmark; the family is the executable.

    ``seconds`` is the median real time of the repetitions, all of one process.
    """
    context = document.context
    yield Facts(
        machine=label(context.host_name) or "unknown",
        when=in_utc(context.date) or label(context.date),
    )
    family = re.split(r"[/\\]", context.executable)[-1] or file.name.partition(".")[0]
    repetitions = [entry for entry in document.benchmarks if entry.run_type == "iteration"]
    reading.skip(len(document.benchmarks) - len(repetitions), AN_AGGREGATE)
    for name, same in grouped(repetitions, lambda entry: entry.run_name).items():
        yield _entry(family, name, _time(same))


def _entry(family: str, name: str, time: StatedTime | None) -> Entry:
    """Parse a benchmark's name such as ``BM_sort/n:4096/real_time/threads:2``."""
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
    title, name = "/".join([function, *pieces]), "/".join([function, *pieces[:first]])
    return Entry(family, title, time, arguments, name, fields={"threads": threads})


def _time(repetitions: list[_Benchmark]) -> StatedTime | None:
    """Return the time of a benchmark, or why it failed; None if no time is stated."""
    for entry in repetitions:
        if entry.error_occurred or entry.skipped:
            status = "failed" if entry.error_occurred else "skipped"
            reason = label(entry.error_message or entry.skip_message)
            return {"status": status, "reason": reason or f"{status} without a message"}
    samples = [entry.seconds for entry in repetitions if entry.seconds is not None]
    if not samples:
        return None
    lower, _, upper = quantiles(samples, method="inclusive") if samples[1:] else (None,) * 3
    return stated_time(median(samples), samples=samples, quartiles=(lower, upper, len(samples)))


GOOGLE_BENCHMARK = JsonFormat(
    "Google Benchmark", lambda document: {"benchmarks", "context"} <= set(document), _File, _entries
)
