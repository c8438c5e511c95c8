"""Read the estimates of criterion.rs: ``target/criterion/**/new/estimates.json``.

Each benchmark has a folder, named by its group, function and value, with the newest estimates in
``new`` and older ones beside it. ``benchmark.json`` beside the estimates names the benchmark. See
``src/estimate.rs`` and ``src/report.rs`` in bheisler/criterion.rs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.readers.json_text import read_json_file
from perceptron.records.readers.reading import Entry, JsonFormat, Reading, converted
from perceptron.records.readers.values import SECONDS_IN, StatedTime, stated_time

_NANOSECOND = SECONDS_IN["ns"]
_ESTIMATES = "estimates.json"
_FILES = (_ESTIMATES, "benchmark.json", "sample.json", "tukey.json", "raw.csv")
# Half-width of a 99% normal interval in standard errors; the file's own interval is of 95%.
_REACH = 2.576


class _Estimate(Struct):
    point_estimate: float
    standard_error: float | None = None


class _Estimates(Struct):
    median: _Estimate
    std_dev: _Estimate | None = None

    @property
    def time(self) -> StatedTime | None:
        seconds = self.median.point_estimate * _NANOSECOND
        half_width = None
        if self.median.standard_error is not None:
            half_width = _REACH * self.median.standard_error * _NANOSECOND
        return stated_time(
            seconds,
            deviation=self.std_dev and self.std_dev.point_estimate * _NANOSECOND,
            ends=(None, None)
            if half_width is None
            else (seconds - half_width, seconds + half_width),
        )


class _Benchmark(Struct):
    group_id: str
    function_id: str | None = None
    value_str: str | None = None
    full_id: str = ""


def is_of_criterion(file: Path) -> bool:
    """Return whether criterion wrote a file; of these only `newest_estimates` are results."""
    return file.name in _FILES and file.with_name(_ESTIMATES).is_file()


def newest_estimates(folder: Path) -> list[Path]:
    """Return the files of the newest estimates in a folder, in it or up to four levels below."""
    folders = ("", *(f"{'*/' * depth}new/" for depth in range(4)))
    return [file for part in folders for file in sorted(folder.glob(f"{part}{_ESTIMATES}"))]


def _entries(document: _Estimates, file: Path, _: Reading) -> Iterator[Entry]:
    """Yield the benchmark: its group is the family, its function the parameter ``name``.

    Raises `UserError` if the benchmark.json beside the file cannot be read.
    """
    beside = file.with_name("benchmark.json")
    if not beside.is_file():
        raise UserError(f"{file}: does not name its benchmark; keep benchmark.json beside it")
    benchmark = converted(file, read_json_file(beside), _Benchmark, "criterion")
    yield Entry(
        benchmark.group_id,
        benchmark.full_id or benchmark.group_id,
        document.time,
        {} if benchmark.value_str is None else {"size": benchmark.value_str},
        benchmark.function_id or benchmark.group_id,
    )


CRITERION = JsonFormat(
    "criterion",
    lambda document: {"median", "median_abs_dev"} <= set(document),
    _Estimates,
    _entries,
)
