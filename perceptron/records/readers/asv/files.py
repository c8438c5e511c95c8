"""Load asv's files in both of their formats, as one.

Format 2 is what asv writes from 0.4 up (asv/results.py, ``Results.save``): a list for each
benchmark, with ``result_columns`` for its header. Format 1 is the earlier one: an object or a bare
value for each benchmark, with ``started_at`` apart (``Results.update_to_2`` reads it). Parameters
are their ``repr``; NaN is a case that was skipped and null one that failed.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.readers.packed import ENDINGS, open_unpacked, read_json_bytes
from perceptron.records.readers.shared.lenient_json import decode_lenient

Kind = TypeVar("Kind", bound=Struct)

FACTS = ("machine.json", "benchmarks.json")
"""Files among asv's results that hold no results."""

_VERSIONS = (1, 2)


class AsvBenchmark(Struct, frozen=True):
    """What ``benchmarks.json`` says of a benchmark."""

    type: str = ""
    param_names: list[str] = []
    pretty_name: str | None = None


class Values(Struct, frozen=True):
    """All values of one benchmark: each list has one for each combination of ``params``, or None.

    Times are in seconds. ``started_at`` is in milliseconds since 1970.
    """

    params: list[list[str]]
    result: list[Any] | None = None
    """Medians."""
    low: list[Any] | None = None
    high: list[Any] | None = None
    """Ends of the 99 % interval of the median."""
    lower_quartile: list[Any] | None = None
    upper_quartile: list[Any] | None = None
    repeat: list[Any] | None = None
    """How many samples there were."""
    stdev: list[Any] | None = None
    samples: list[Any] | None = None
    started_at: Any = None
    version: Any = None
    """Of the benchmark: a digest of its code, or what its author says."""


class Results(Struct, frozen=True):
    """What asv measured of one commit in one environment; ``date`` is the commit's."""

    commit_hash: str
    params: dict[str, Any]
    results: dict[str, Any]
    version: int
    result_columns: list[str] = []
    env_name: str | None = None
    python: str | None = None
    requirements: dict[str, Any] | None = None
    date: Any = None
    started_at: Any = None
    benchmark_version: Any = None

    @property
    def environment(self) -> str | None:
        """The name of the environment; in old files made of what is in it."""
        if self.env_name is not None or self.python is None:
            return self.env_name
        libraries = sorted((self.requirements or {}).items())
        return "-".join([f"py{self.python}", *(f"{name}{version}" for name, version in libraries)])

    def count(self, name: str) -> int:
        """Return how many values there are of a benchmark, whatever it measures."""
        try:
            values = self.values(name)
        except (msgspec.ValidationError, RecursionError):
            return 1
        if values.result in (None, [], [None]):  # it failed as a whole
            return prod(len(choices) for choices in values.params)
        return len(values.result)

    def values(self, name: str) -> Values:
        """Return the values; raises `msgspec.ValidationError` if they are not what asv writes."""
        entry = self.results[name]
        if self.version == 1:
            return _values_of_1(
                entry, _get(self.started_at, name), _get(self.benchmark_version, name)
            )
        columns = dict(zip(self.result_columns, msgspec.convert(entry, list[Any]), strict=False))
        return msgspec.convert(
            {
                "params": columns.get("params") or [],
                "result": columns.get("result"),
                "low": columns.get("stats_ci_99_a"),
                "high": columns.get("stats_ci_99_b"),
                "lower_quartile": columns.get("stats_q_25"),
                "upper_quartile": columns.get("stats_q_75"),
                "repeat": columns.get("stats_repeat"),
                "samples": columns.get("samples"),
                "started_at": columns.get("started_at"),
                "version": columns.get("version"),
            },
            Values,
        )


def _values_of_1(entry: Any, started_at: Any, version: Any) -> Values:
    if not isinstance(entry, dict):
        return Values(params=[], result=[entry], started_at=started_at, version=version)
    result, stats, samples = entry.get("result"), entry.get("stats"), entry.get("samples")
    stats = stats if stats is None or isinstance(stats, list) else [stats]

    def of_each(key: str) -> list[Any] | None:
        return stats and [_get(summary, key) for summary in stats]

    intervals = of_each("ci_99")
    return msgspec.convert(
        {
            "params": entry.get("params") or [],
            "result": result if result is None or isinstance(result, list) else [result],
            "low": intervals and [_end(interval, 0) for interval in intervals],
            "high": intervals and [_end(interval, 1) for interval in intervals],
            "lower_quartile": of_each("q_25"),
            "upper_quartile": of_each("q_75"),
            "repeat": of_each("repeat"),
            "stdev": of_each("std"),
            "samples": samples if isinstance(samples, list) else None,
            "started_at": started_at,
            "version": version,
        },
        Values,
    )


def _get(entry: Any, key: str) -> Any:
    return entry.get(key) if isinstance(entry, dict) else None


def _end(interval: Any, index: int) -> Any:
    return interval[index] if isinstance(interval, list) and len(interval) == 2 else None


def is_asv_folder(folder: Path) -> bool:
    """Whether asv keeps results here: its list of benchmarks, or a machine's facts or folder."""
    return (
        (folder / "benchmarks.json").is_file()
        or (folder / "machine.json").is_file()
        or any(folder.glob("*/machine.json"))
    )


def is_asv_results(content: object) -> bool:
    """Whether this is what asv writes for one commit."""
    return isinstance(content, dict) and {"commit_hash", "results", "params"} <= set(content)


def result_files(folder: Path) -> list[Path]:
    """Return the files of results in a machine's folder, or in every folder of a results folder."""
    pattern = "*.json*" if (folder / "machine.json").is_file() else "*/*.json*"
    endings = tuple(f".json{ending}" for ending in ENDINGS)
    return [
        file
        for file in sorted(folder.glob(pattern))
        if file.name not in FACTS and file.name.endswith(endings)
    ]


def benchmark_list(file: Path) -> Path | None:
    """Return the list of benchmarks for a file of results: above its folder, or in it."""
    candidates = (file.parent.parent / "benchmarks.json", file.parent / "benchmarks.json")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def load_benchmarks(
    file: Path | None, complain: Callable[[str], None] | None = None
) -> dict[str, AsvBenchmark]:
    """Return the benchmarks of a list by name; none without a list.

    ``complain`` receives a line for each entry that is no benchmark, and the others are still
    read; without ``complain`` it raises `UserError`, as does a file that is no list.
    """
    if file is None:
        return {}
    benchmarks: dict[str, AsvBenchmark] = {}
    for name, entry in load(file).items():
        if not isinstance(entry, dict):
            continue  # the format's version
        try:
            benchmarks[name] = convert(file, entry, AsvBenchmark)
        except UserError as error:
            if complain is None:
                raise
            complain(str(error))
    return benchmarks


def load_file(file: Path) -> Results:
    """Load the results of one commit; raises `UserError` naming the file and the wrong field."""
    results = convert(file, load(file), Results)
    if results.version not in _VERSIONS:
        raise UserError(
            f"{file}: asv's format {results.version} is not read; 1 and 2 are, see `asv update`"
        )
    return results


def load(file: Path) -> dict[str, Any]:
    """Load a JSON object; raises `UserError` naming the file if it cannot be read or holds none."""
    try:
        # asv writes NaN and Infinity, which JSON does not have.
        with open_unpacked(file) as stream:
            content = decode_lenient(read_json_bytes(file, stream))
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: not asv's JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{file}: not asv's JSON: no object at the top")
    return content


def convert(file: Path, content: object, kind: type[Kind]) -> Kind:
    """Convert to a type; raises `UserError` naming the file and the field."""
    try:
        return msgspec.convert(content, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UserError(f"{file}: not what asv writes: {error}") from None
