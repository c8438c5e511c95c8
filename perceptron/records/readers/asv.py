"""Read what asv keeps, in both of its formats, as rows.

Format 2 is what asv writes from 0.4 up (asv/results.py, ``Results.save``): a list for each
benchmark, with ``result_columns`` for its header. Format 1 is the earlier one: an object or a bare
value for each benchmark, with ``started_at`` apart (``Results.update_to_2`` reads it). Parameters
are their ``repr``, of which nothing is executed; NaN is a case that was skipped and null one that
failed.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain, islice, product, repeat
from math import isnan, prod
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.records.files.read import must_be_a_file
from perceptron.records.measurement import Measurement
from perceptron.records.readers.packed import (
    ENDINGS,
    decode_lenient,
    open_unpacked,
    read_json_bytes,
)
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.records.readers.reading import (
    NO_SUCH_PARAMETERS,
    NOT_ASKED_FOR,
    ForeignRow,
    Reading,
    ReadRequest,
    converted,
)
from perceptron.records.readers.values import (
    duration,
    median_interval,
    moment,
    revision,
    stated_interval,
    stdev,
    without_address,
)
from perceptron.untrusted_text import label, printable, quoted

FACTS = ("machine.json", "benchmarks.json")
"""Files among asv's results that hold no results."""

# asv finds benchmarks of time by these names, where its own list does not say.
_TIME = re.compile(r"(.*\.)?(timeraw|time|Timeraw|Time)(_|[A-Z])[^.]*")
_MOST_COMBINATIONS = 100_000
# A few bytes say of any number of combinations that they failed: beyond this they are only counted.
_MOST_FAILED = 1_000

_NUMPY_SCALAR = re.compile(r"(?:np|numpy)\.\w+\((.*)\)")
_CLASS = re.compile(r"<class '(.+)'>")


class AsvBenchmark(Struct, frozen=True):
    """A benchmark in ``benchmarks.json``."""

    type: str = ""
    param_names: list[str] = []
    pretty_name: str | None = None


class _Values(Struct, frozen=True):
    """All values of one benchmark: each list has one for each combination of ``params``, or None.

    Fields are asv's columns. Times are in seconds, ``result`` are medians, ``stats_ci_99_a`` and
    ``_b`` the ends of their 99% intervals; ``started_at`` is in milliseconds since 1970 and
    ``version`` the benchmark's: a digest of its code, or what its author says.
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

    @property
    def failed_as_a_whole(self) -> bool:
        """Whether there is one null, or nothing, for all combinations."""
        return self.result in (None, [], [None])

    @property
    def count(self) -> int:
        """Number of values."""
        return self.combinations if self.failed_as_a_whole else len(self.result or [])

    def outcomes(self) -> Iterator[dict[str, Any]]:
        """Yield the fields of each combination's row that say how long it took, or why not."""
        columns = (
            *(self.result, self.stats_ci_99_a, self.stats_ci_99_b, self.stats_q_25),
            *(self.stats_q_75, self.stats_repeat, self.stats_std, self.samples),
        )
        rows = self.combinations
        padded = (islice(chain(column or (), repeat(None)), rows) for column in columns)
        for result, low, high, lower, upper, count, deviation, samples in zip(*padded, strict=True):
            seconds = duration(result)
            if seconds is None:
                is_absent = isinstance(result, float) and isnan(result)
                why = "failed in asv" if result is None else "not a time above 0 in asv"
                yield {
                    "status": "skipped" if is_absent else "failed",
                    "reason": "n/a in asv" if is_absent else why,
                }
                continue
            interval = stated_interval(low, high, seconds)
            if not any(interval.values()):
                interval = median_interval(seconds, lower, upper, count)
            times = map(duration, samples if isinstance(samples, list) else ())
            yield {
                "seconds": seconds,
                "stdev": stdev(deviation),
                "samples": [time for time in times if time is not None],
                **interval,
            }


class _Results(Struct, frozen=True):
    """asv's measurements of one commit in one environment; ``date`` is the commit's."""

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
    def machine(self) -> str:
        return label(self.params.get("machine", "unknown"))

    @property
    def environment(self) -> str | None:
        """The name of the environment; in old files made of what is in it."""
        if self.env_name is not None or self.python is None:
            return self.env_name
        libraries = sorted((self.requirements or {}).items())
        return "-".join([f"py{self.python}", *(f"{name}{version}" for name, version in libraries)])

    def values(self, name: str) -> _Values:
        """Return the values; raises `msgspec.ValidationError` if they are not what asv writes."""
        entry = self.results[name]
        if self.version == 1:
            about = {"started_at": self.started_at, "version": self.benchmark_version}
            of_this = {key: _get(values, name) for key, values in about.items()}
            return msgspec.convert(_columns_of_1(entry) | of_this, _Values)
        columns = dict(zip(self.result_columns, msgspec.convert(entry, list[Any]), strict=False))
        return msgspec.convert(columns, _Values)


def _columns_of_1(entry: Any) -> dict[str, Any]:
    """Return an entry of format 1 as the columns of format 2."""
    if not isinstance(entry, dict):
        return {"result": [entry]}
    result, stats = (
        value if value is None or isinstance(value, list) else [value]
        for value in (entry.get("result"), entry.get("stats"))
    )
    samples = entry.get("samples")
    columns = {
        "params": entry.get("params"),
        "result": result,
        "samples": samples if isinstance(samples, list) else None,
    }
    for name in ("q_25", "q_75", "repeat", "std"):
        columns[f"stats_{name}"] = [_get(summary, name) for summary in stats or []]
    ends = [_get(summary, "ci_99") for summary in stats or []]
    ends = [pair if isinstance(pair, list) and len(pair) == 2 else (None, None) for pair in ends]
    return columns | {"stats_ci_99_a": [a for a, _ in ends], "stats_ci_99_b": [b for _, b in ends]}


def _get(entry: Any, key: str) -> Any:
    return entry.get(key) if isinstance(entry, dict) else None


def is_asv_folder(folder: Path) -> bool:
    """Whether asv keeps results here: its list of benchmarks, or a machine's facts or folder."""
    facts = any((folder / name).is_file() for name in FACTS)
    return facts or any(folder.glob("*/machine.json"))


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


def load_benchmarks(file: Path, complain: Callable[[str], None]) -> dict[str, AsvBenchmark]:
    """Return the benchmarks of a list by name; raises `UserError` naming a file that is none.

    ``complain`` receives a line for each entry that is no benchmark; the others are still read.
    """
    must_be_a_file(file)
    benchmarks: dict[str, AsvBenchmark] = {}
    for name, entry in _load(file).items():
        if not isinstance(entry, dict):
            continue  # the format's version
        try:
            benchmarks[name] = converted(file, entry, AsvBenchmark, "asv")
        except UserError as error:
            complain(str(error))
    return benchmarks


def _load(file: Path) -> dict[str, Any]:
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


def read_asv(source: Path, request: ReadRequest, reading: Reading) -> None:
    """Read a row for each time of a backend at a size; every file of results is a run.

    ``source`` is a results folder, a machine's folder in one, or one file of results. Benchmarks of
    time are read if they have the parameters that hold the backend and the size. Where no list of
    benchmarks names a benchmark's parameters, they are ``param1``, ``param2`` …, as asv names them.
    ``seconds`` is asv's median. Files and benchmarks that cannot be understood are in ``reading``;
    of a single file, raises `UserError` naming it.
    """
    lists: dict[Path, dict[str, AsvBenchmark]] = {}
    for file in [source] if source.is_file() else result_files(source):
        if file.parent not in lists:
            lists[file.parent] = _list_of(file, reading)
        try:
            must_be_a_file(file)
            if file != source and not reading.is_new(file):
                continue
            reading.add("asv", read_asv_file(file, lists[file.parent], request, reading))
        except UserError as error:
            if file == source:
                raise
            reading.not_read(file, error)
    reading.formats.add("asv")


def _list_of(file: Path, reading: Reading) -> dict[str, AsvBenchmark]:
    """Return the list for a file of results; none where it cannot be read, which is noted."""
    above_or_beside = (file.parent.parent / "benchmarks.json", file.parent / "benchmarks.json")
    listed = next((place for place in above_or_beside if place.is_file()), None)
    if listed is None:
        return {}

    def complain(what: str) -> None:
        advice = "its parameters are called param1, param2 …"
        reading.complain(listed, what.removeprefix(f"{listed}: "), advice)

    try:
        return load_benchmarks(listed, complain)
    except UserError as error:
        reading.not_read(listed, error)
        return {}


def read_asv_file(
    file: Path, benchmarks: dict[str, AsvBenchmark], request: ReadRequest, reading: Reading
) -> list[ForeignRow]:
    """Return the rows of one file of results; raises `UserError` naming a file that is none."""
    results = converted(file, _load(file), _Results, "asv")
    if results.version not in (1, 2):
        raise UserError(
            f"{file}: asv's format {results.version} is not read; 1 and 2 are, see `asv update`"
        )
    run: list[ForeignRow] = []
    for name in results.results:
        benchmark = benchmarks.get(name) or AsvBenchmark(
            type="time" if _TIME.fullmatch(name) else ""
        )
        try:
            values = results.values(name)
            wrong = ""
        except (msgspec.ValidationError, RecursionError) as error:
            values = _Values(result=[None])
            wrong = f"not what asv writes: {error}"
        if benchmark.type != "time":
            reading.leave_out(values.count, "of a benchmark of something else than time")
            continue
        families = _families(name, benchmark, request.roles)
        reading.families.add(families[0])
        if not request.wants(*families):
            reading.leave_out(values.count, NOT_ASKED_FOR)
            continue
        if wrong:
            reading.leave_out(values.count, "not what asv writes")
            reading.complain(file, f"benchmark {label(name)}: {wrong}", "run it again")
            continue
        # The list may be of another revision than these values, or there is none.
        if len(benchmark.param_names) != len(values.choices):
            names = [f"param{number}" for number in range(1, len(values.choices) + 1)]
            benchmark = replace(benchmark, param_names=names)
        run += _rows(file, results, name, benchmark, values, request, reading)
    return run


def _rows(
    file: Path,
    results: _Results,
    name: str,
    benchmark: AsvBenchmark,
    values: _Values,
    request: ReadRequest,
    reading: Reading,
) -> list[ForeignRow]:
    roles, count, combinations = request.roles, values.count, values.combinations
    fixed = roles.parameters(label(name), results.machine)
    known = {*fixed, *benchmark.param_names}
    if not roles.names <= known:
        reading.unused.update(known)
        reading.leave_out(count, NO_SUCH_PARAMETERS)
        return []
    if count != combinations or combinations > _MOST_COMBINATIONS:
        reading.leave_out(count, "of a benchmark with values for other parameters")
        reading.complain(
            file,
            f"benchmark {label(name)}: {len(values.result or [])} values for {combinations} "
            "combinations of parameters",
            "run it again; it is left out",
        )
        return []
    if values.failed_as_a_whole and combinations > _MOST_FAILED:
        reading.leave_out(count, "of a benchmark that failed as a whole in asv")
        return []
    family, full_name = _families(name, benchmark, roles)
    shared = _shared(file, results, values)
    cases = _cases(
        roles,
        tuple(benchmark.param_names),
        tuple(map(tuple, values.choices)),
        tuple(fixed.items()),
    )
    rows = []
    unusable: Counter[str] = Counter()
    for case, outcome in zip(cases, values.outcomes(), strict=True):
        if isinstance(case, str):
            unusable[case] += 1
            continue
        fields, others = case
        problem = f"{family}:{fields['size']}" if request.ours else None
        row = Measurement(**shared, problem=problem, family=family, **fields, **outcome)
        rows.append(ForeignRow(row=row, name=full_name, others=others))
    for value, unusable_rows in unusable.items():
        reading.complain_of_size(file, label(name), roles.size, value, unusable_rows)
    return rows


def _families(name: str, benchmark: AsvBenchmark, roles: ParameterRoles) -> tuple[str, str]:
    """Return the short and the full name of the family that a benchmark belongs to."""
    if "name" in roles.backends:
        # Then what has several backends is whatever the benchmarks have in common.
        module = label(name).rpartition(".")[0] or "benchmark"
        return module, module
    return label(benchmark.pretty_name or name), label(name)


def _shared(file: Path, results: _Results, values: _Values) -> dict[str, Any]:
    """Return the fields that the rows of one benchmark share."""
    committed, environment = moment(results.date), results.environment
    return {
        "source": "asv",
        "file": printable(file),
        "machine": results.machine,
        "environment": None if environment is None else label(environment),
        "commit": revision(results.commit_hash),
        "committed": committed or None,
        "version": revision(values.version),
        "when": moment(values.started_at) or committed,
    }


@lru_cache(maxsize=1024)  # a history repeats the same few benchmarks
def _cases(
    roles: ParameterRoles,
    names: tuple[str, ...],
    choices: tuple[tuple[str, ...], ...],
    fixed: tuple[tuple[str, Any], ...],
) -> list[tuple[dict[str, Any], dict[str, str]] | str]:
    """Return of each combination, in asv's order, the fields of its row and the other parameters.

    The quoted size where that is none.
    """
    cases: list[tuple[dict[str, Any], dict[str, str]] | str] = []
    for words in product(*choices):
        parameters = dict(fixed) | dict(zip(names, map(parse_parameter, words), strict=True))
        size = roles.size_of(parameters)
        if size is None:
            cases.append(quoted(parameters[roles.size]))
        else:
            fields = {"size": size, "backend": roles.backend(parameters)}
            cases.append((fields | roles.ground(parameters), roles.others(parameters)))
    return cases


@lru_cache(maxsize=4096)  # a history repeats the same few texts
def parse_parameter(word: str) -> Any:
    """Return a parameter from its ``repr``, as text if it is no plain value; executes nothing."""
    if scalar := _NUMPY_SCALAR.fullmatch(word):
        word = scalar[1]
    try:
        value = ast.literal_eval(word.removesuffix("L"))  # a long integer of Python 2
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        value = None
    if isinstance(value, str | float) or (isinstance(value, int) and value.bit_length() <= 64):
        return value  # Python refuses to write out a larger one of thousands of digits
    if name := _CLASS.fullmatch(word):
        return name[1]  # as asv shows it
    return without_address(word)
