"""Read what BenchmarkDotNet's JSON exporters write, as ``*-report-full.json``.

See ``JsonExporterBase.cs`` in dotnet/BenchmarkDotNet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from perceptron.records.readers.reading import (
    BenchmarkRows,
    ForeignRow,
    Reading,
    StatedTime,
    converted,
    no_time,
)
from perceptron.records.readers.values import duration, median_interval, stdev
from perceptron.untrusted_text import label

TOOL = "BenchmarkDotNet"
_NANOSECOND = 1e-9


class _Benchmark(Struct, rename="pascal"):
    method: str
    type: str = ""
    parameters: str = ""
    statistics: dict[str, Any] | None = None

    @property
    def stated_parameters(self) -> dict[str, str]:
        """The parameters, which the file has in one text: ``N=1000&Kind=sorted``."""
        pieces = (piece.partition("=") for piece in self.parameters.split("&"))
        return {label(name): value for name, equals, value in pieces if equals}

    @property
    def time(self) -> StatedTime:
        statistics = self.statistics or {}

        def seconds_of(name: str) -> float | None:
            nanoseconds = duration(statistics.get(name))
            return nanoseconds and nanoseconds * _NANOSECOND

        seconds = seconds_of("Median") or seconds_of("Mean")
        if seconds is None:
            return no_time(TOOL)
        low, high = median_interval(
            seconds, seconds_of("Q1"), seconds_of("Q3"), statistics.get("N")
        )
        spread = stdev(seconds_of("StandardDeviation"))
        return StatedTime(seconds=seconds, low=low, high=high, stdev=spread)


class _Host(Struct, rename="pascal"):
    # The file does not name the machine. Old versions write an object here.
    processor_name: Any = None
    runtime_version: str | None = None


class _File(Struct, rename="pascal"):
    benchmarks: list[_Benchmark]
    host_environment_info: _Host | None = None


def is_benchmark_dotnet(document: object) -> bool:
    """Whether this is what BenchmarkDotNet writes."""
    return isinstance(document, dict) and {"HostEnvironmentInfo", "Benchmarks"} <= set(document)


def read_benchmark_dotnet(file: Path, content: object, reading: Reading) -> list[list[ForeignRow]]:
    """Return a row for each benchmark: its class is the family, its method the parameter ``name``.

    ``seconds`` is the median of the iterations. Raises `UserError` naming the file and the field
    that cannot be understood.
    """
    document = converted(file, content, _File, TOOL)
    host = document.host_environment_info or _Host()
    processor = host.processor_name
    rows = BenchmarkRows(
        file,
        TOOL,
        reading,
        machine=(label(processor) if isinstance(processor, str) else "") or "unknown",
        environment=label(host.runtime_version) if host.runtime_version else None,
    )
    for one in document.benchmarks:
        rows.add(one.type, one.method, one.time, parameters=one.stated_parameters)
    return [rows.run]
