"""Read the data of github-action-benchmark's page: ``dev/bench/data.js``.

See ``extract.ts`` in benchmark-action/github-action-benchmark. A ``range`` is read as the interval
of the time, although the share of times that it covers differs between tools.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from perceptron.records.readers.reading import (
    AN_AGGREGATE,
    NO_TIME_UNIT,
    Entry,
    Facts,
    Found,
    JsonFormat,
    Reading,
)
from perceptron.records.readers.values import (
    StatedTime,
    TimeUnit,
    duration,
    in_utc,
    moment,
    number,
    revision,
    stated_time,
    time_unit,
)
from perceptron.untrusted_text import quoted

_REACH = re.compile(r"(?:±|\+/?-)\s*([^\s%]+)\s*(%?)")
_DEVIATION = re.compile(r"stddev:\s*(\S+)")
# Google Benchmark's rows of aggregates.
_AGGREGATE = re.compile(r"_(stddev|cv|BigO|RMS)$")


class _Bench(Struct):
    name: str
    value: Any = None
    unit: str = ""
    range: Any = None


class _Commit(Struct):
    id: str | None = None
    timestamp: str | None = None


class _Run(Struct):
    benches: list[_Bench]
    commit: _Commit | None = None
    date: Any = None


class _File(Struct):
    entries: dict[str, list[_Run]]


def _entries(document: _File, _: Path, reading: Reading) -> Iterator[Found]:
    """Yield the facts and entries of each run of each suite; the family is the suite.

    ``seconds`` is the time stated, or 1 divided by the rate.
    """
    for suite, runs in document.entries.items():
        for run in runs:
            commit = run.commit or _Commit()
            yield Facts(
                commit=revision(commit.id),
                committed=in_utc(commit.timestamp),
                when=moment(run.date),
            )
            for bench in run.benches:
                # Go appends other metrics to the unit.
                unit_name = (bench.unit.split() or [""])[0]
                unit = time_unit(unit_name)
                if unit is None:
                    reading.skip(1, f"{NO_TIME_UNIT}: {quoted(unit_name)}")
                elif _AGGREGATE.search(bench.name):
                    reading.skip(1, AN_AGGREGATE)
                else:
                    yield Entry(suite, bench.name, _time(bench, unit))


def _time(bench: _Bench, unit: TimeUnit) -> StatedTime | None:
    value = number(bench.value)
    if value is None:
        return None
    seconds = unit.in_seconds(value)
    stated = bench.range if isinstance(bench.range, str) else ""
    if deviation := _DEVIATION.search(stated):
        # pytest-benchmark's deviation is in seconds, although the value is a rate.
        return stated_time(seconds, deviation=number(deviation[1]))
    match = _REACH.search(stated)
    half_width = duration(number(match[1])) if match else None
    if match is None or half_width is None:
        return stated_time(seconds)
    half_width *= value / 100 if match[2] else 1.0
    ends = (unit.in_seconds(value - half_width), unit.in_seconds(value + half_width))
    fast, slow = reversed(ends) if unit.is_rate else ends
    return stated_time(seconds, ends=(fast, slow))


GITHUB_ACTION = JsonFormat(
    "github-action-benchmark",
    lambda document: isinstance(document.get("entries"), dict),
    _File,
    _entries,
)
