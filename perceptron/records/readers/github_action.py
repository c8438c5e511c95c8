"""Read the page's data that github-action-benchmark keeps: ``dev/bench/data.js``.

See ``extract.ts`` in benchmark-action/github-action-benchmark. A ``range`` is taken for the ends of
the time, whatever share of times its tool has it cover.
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
# Google Benchmark's rows about the times of others.
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
    """Yield each run of each suite, which is the family.

    ``seconds`` is the time stated, or one divided by the rate.
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
                # Go puts metrics of its own behind the unit.
                unit_name = (bench.unit.split() or [""])[0]
                unit = time_unit(unit_name)
                if unit is None:
                    reading.leave_out(1, f"{NO_TIME_UNIT}: {quoted(unit_name)}")
                elif _AGGREGATE.search(bench.name):
                    reading.leave_out(1, AN_AGGREGATE)
                else:
                    yield Entry(suite, bench.name, _time(bench, unit))


def _time(bench: _Bench, unit: TimeUnit) -> StatedTime | None:
    value = number(bench.value)
    if value is None:
        return None
    seconds = unit.in_seconds(value)
    stated = bench.range if isinstance(bench.range, str) else ""
    if deviation := _DEVIATION.search(stated):
        # pytest-benchmark's, in seconds, although the value is a rate.
        return stated_time(seconds, deviation=number(deviation[1]))
    match = _REACH.search(stated)
    reach = duration(number(match[1])) if match else None
    if match is None or reach is None:
        return stated_time(seconds)
    reach *= value / 100 if match[2] else 1.0
    ends = (unit.in_seconds(value - reach), unit.in_seconds(value + reach))
    fast, slow = reversed(ends) if unit.is_rate else ends
    return stated_time(seconds, ends=(fast, slow))


GITHUB_ACTION = JsonFormat(
    "github-action-benchmark", lambda of: isinstance(of.get("entries"), dict), _File, _entries
)
