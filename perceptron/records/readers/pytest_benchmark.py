"""Read the file that ``pytest --benchmark-json`` writes.

Benchmarks of this suite store the fields of their row in ``extra_info`` (see
benchmarks/test_train.py). The backend and size of others are among the parameters of the test, its
``extra_info``, its ``group``, and its ``name`` without brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.measurement import Measurement
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.records.readers.reading import Entry, Facts, Found, JsonFormat, Reading
from perceptron.records.readers.values import (
    StatedTime,
    in_utc,
    revision,
    stated_time,
    without_address,
)
from perceptron.untrusted_text import label, printable, quoted

_OPAQUE = re.compile(r"UNSERIALIZABLE\[.*\]?|<.*>", re.DOTALL)


class _Benchmark(Struct):
    name: str = ""
    fullname: str = ""
    group: str | None = None
    params: dict[str, Any] | None = None
    param: str | None = None
    stats: dict[str, Any] | None = None
    extra_info: dict[str, Any] | None = None

    @property
    def function(self) -> str:
        return self.name.partition("[")[0]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the test, with names for values that are no plain ones."""
        return _name_opaque(self.params or {}, self.param or "")

    @property
    def time(self) -> StatedTime | None:
        """The rounds, and their median with its 99% interval from the quartiles."""
        stats = self.stats or {}
        return stated_time(
            stats.get("median"),
            deviation=stats.get("stddev"),
            samples=stats.get("data"),
            quartiles=(stats.get("q1"), stats.get("q3"), stats.get("rounds")),
        )


_TOOL = "pytest-benchmark"
# The ``extra_info`` of our own benchmarks: fields that every file has, and others with their
# defaults.
_OWN = frozenset({"problem", "family", "size", "backend", "iterations"})
_UNSTATED: dict[str, Any] = {
    **dict.fromkeys(("problem_digest", "rows", "features", "hidden", "batch", "models", "folds")),
    "device": None,
    "dtype": None,
    "axes": (),
    "outputs": 1,
    "iterations_per_epoch": 1,
    "optimizer": "sgd",
    "feed": "resident",
}
_LARGEST_SIZE = 1e300


class _Machine(Struct):
    node: str = "unknown"
    python_implementation: str | None = None
    python_version: str | None = None


class _Commit(Struct):
    id: str | None = None
    time: str | None = None
    dirty: bool | None = None


class _File(Struct):
    benchmarks: list[_Benchmark]
    machine_info: _Machine | None = None
    datetime: str = ""
    commit_info: _Commit | None = None

    @property
    def facts(self) -> Facts:
        machine, commit = self.machine_info or _Machine(), self.commit_info or _Commit()
        commit_id = revision(commit.id)
        interpreter = filter(None, (machine.python_implementation, machine.python_version))
        return Facts(
            machine=label(machine.node) or "unknown",
            environment=label(" ".join(interpreter)) or None,
            commit=f"{commit_id}-dirty" if commit_id and commit.dirty else commit_id,
            committed=in_utc(commit.time),
            when=label(self.datetime),
        )


def _entries(document: _File, file: Path, reading: Reading) -> Iterator[Found]:
    """Yield an entry for each benchmark, and a whole row for our own.

    ``seconds`` is the median of the rounds; for our own, per training iteration.
    """
    facts = document.facts
    yield facts
    for benchmark in document.benchmarks:
        if set(benchmark.extra_info or {}) >= _OWN:
            yield _own_row(file, facts, benchmark)
        else:
            yield _entry(benchmark, reading.request.roles)


def _entry(benchmark: _Benchmark, roles: ParameterRoles) -> Entry:
    """Return the entry of a benchmark that is not this suite's."""
    family = benchmark.function
    full_name = benchmark.fullname.removesuffix(benchmark.name) + family
    if "name" in roles.backends:
        # The tests themselves are the backends: the family is their group or file.
        family = full_name = benchmark.group or benchmark.fullname.partition("::")[0] or "benchmark"
    info, parameters = benchmark.extra_info or {}, benchmark.parameters
    stated = {
        "name": benchmark.function,
        "group": benchmark.group,
        **roles.parameters(benchmark.name),
        **info,
        **parameters,
    }
    return Entry(
        family,
        benchmark.function,
        benchmark.time,
        {name: value for name, value in stated.items() if value is not None or name in info},
        is_complete=True,
        telling=parameters,
        full_name=full_name,
    )


def _own_row(file: Path, facts: Facts, benchmark: _Benchmark) -> Measurement:
    info = benchmark.extra_info or {}
    # The file is untrusted: its texts become labels, as those of other tools do.
    stated = {
        name: label(value) if isinstance(value, str) else value
        for name, value in info.items()
        if name in _OWN or name in _UNSTATED
    }
    try:
        origin = {"kind": "time", "source": _TOOL, "file": printable(file)}
        row = msgspec.convert({**origin, **facts._asdict(), **_UNSTATED, **stated}, Measurement)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UserError(f"{file}: extra_info: {error}") from None
    if not 0 < row.size <= _LARGEST_SIZE:
        raise UserError(f"{file}: extra_info: {quoted(row.size)} is not a size above 0")
    time, iterations = benchmark.time, row.iterations or 0
    if time is None or iterations < 1:
        raise UserError(f"{file}: {row.problem} on {row.backend} has no time; measure it again")
    return replace(
        row,
        samples=[sample / iterations for sample in time["samples"]],
        **{name: time.get(name) and time[name] / iterations for name in ("seconds", "low", "high")},
    )


def _name_opaque(parameters: Mapping[str, Any], test_id: str) -> dict[str, Any]:
    """Return the parameters, with a piece of the test's id in place of values that are not plain.

    pytest joins the pieces by ``-``, in the order of the parameters. If more hyphens make that
    ambiguous for several such values, each becomes the whole id. Without an id they keep what
    pytest-benchmark wrote.
    """
    opaque = [name for name, value in parameters.items() if not _is_plain(value)]
    pieces = test_id.split("-")
    if len(pieces) == len(parameters):
        named = dict(zip(parameters, pieces, strict=True))
    elif len(opaque) == 1:
        values = list(parameters.items())
        index = list(parameters).index(opaque[0])
        before = "".join(f"{value}-" for _, value in values[:index])
        behind = "".join(f"-{value}" for _, value in values[index + 1 :])
        named = {opaque[0]: test_id.removeprefix(before).removesuffix(behind)}
    else:
        named = dict.fromkeys(opaque, test_id)
    return {
        name: (named[name] or without_address(str(value))) if name in opaque else value
        for name, value in parameters.items()
    }


def _is_plain(value: object) -> bool:
    """Return whether a parameter is a number, text or None, and no container or other object.

    pytest-benchmark writes ``UNSERIALIZABLE[...]`` for what JSON cannot hold
    (pytest_benchmark/utils.py).
    """
    if isinstance(value, str):
        return not _OPAQUE.fullmatch(value)
    return value is None or isinstance(value, bool | int | float)


PYTEST_BENCHMARK = JsonFormat(
    _TOOL, lambda document: "benchmarks" in document and "context" not in document, _File, _entries
)
