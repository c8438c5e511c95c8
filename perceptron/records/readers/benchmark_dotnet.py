"""Read the files of BenchmarkDotNet's JSON exporters, such as ``*-report-full.json``.

See ``JsonExporterBase.cs`` in dotnet/BenchmarkDotNet.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from perceptron.records.readers.reading import Entry, Facts, Found, JsonFormat, Reading
from perceptron.records.readers.values import SECONDS_IN, StatedTime, duration, stated_time
from perceptron.untrusted_text import label

_NANOSECOND = SECONDS_IN["ns"]


class _Benchmark(Struct, rename="pascal"):
    method: str
    type: str = ""
    parameters: str = ""
    statistics: dict[str, Any] | None = None

    @property
    def stated_parameters(self) -> dict[str, str]:
        """The parameters, parsed from one text such as ``N=1000&Kind=sorted``."""
        pieces = (piece.partition("=") for piece in self.parameters.split("&"))
        return {label(name): value for name, equals, value in pieces if equals}

    @property
    def time(self) -> StatedTime | None:
        statistics = self.statistics or {}

        def seconds_of(name: str) -> float | None:
            nanoseconds = duration(statistics.get(name))
            return nanoseconds and nanoseconds * _NANOSECOND

        return stated_time(
            seconds_of("Median"),
            deviation=seconds_of("StandardDeviation"),
            quartiles=(seconds_of("Q1"), seconds_of("Q3"), statistics.get("N")),
        )


class _Host(Struct, rename="pascal"):
    # The file does not name the machine.
    processor_name: str | None = None
    runtime_version: str | None = None


class _File(Struct, rename="pascal"):
    benchmarks: list[_Benchmark]
    host_environment_info: _Host | None = None


def _entries(document: _File, _: Path, __: Reading) -> Iterator[Found]:
    """Yield an entry for each benchmark: its class is the family, its method the ``name``.

    ``seconds`` is the median of the iterations.
    """
    host = document.host_environment_info or _Host()
    yield Facts(
        machine=label(host.processor_name or "") or "unknown",
        environment=label(host.runtime_version) if host.runtime_version else None,
    )
    for benchmark in document.benchmarks:
        yield Entry(benchmark.type, benchmark.method, benchmark.time, benchmark.stated_parameters)


BENCHMARK_DOTNET = JsonFormat(
    "BenchmarkDotNet",
    lambda document: {"HostEnvironmentInfo", "Benchmarks"} <= set(document),
    _File,
    _entries,
)
