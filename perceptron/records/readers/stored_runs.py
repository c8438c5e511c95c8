"""A results folder and the runs in it, read as far as possible and not judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from perceptron.records.files.read import must_be_a_file
from perceptron.records.measurement import Measurement
from perceptron.records.readers.asv import FACTS, AsvBenchmark, load_benchmarks, read_asv_file
from perceptron.records.readers.naming import ProcessNumbers, name_rows
from perceptron.records.readers.reading import ForeignRow, Reading, ReadRequest
from perceptron.records.row import Row, no_search_for_cycles, standing, times
from perceptron.records.run import Run
from perceptron.records.store import (
    StoredRun,
    load_conditions,
    load_environment,
    load_run,
    read_rows,
    stored_runs,
)
from perceptron.untrusted_text import label

_LONGEST = 400

Complaints = dict[Path, list[str]]
"""Complaints by file: the first is shown, the others are counted."""


class StoredResults(Struct, frozen=True, kw_only=True):
    """A results folder: all its rows, its runs (newest first), and what could not be read.

    A complaint begins with the file, is one line of text that every terminal and page accepts, and
    has at most 400 characters.
    """

    folder: Path
    rows: list[Measurement]
    runs: list[StoredRun]
    complaints: list[str]
    by_run: dict[Path, list[Measurement]] = {}
    """The rows of each run, by its folder; their processes are numbered with the others'."""


class RunFacts(Struct, frozen=True, kw_only=True):
    """The machine of a run, and its conditions at the last start; None if not recorded.

    ``earlier`` are the conditions of its earlier starts, the newest first.
    """

    environment: Environment
    conditions: Conditions | None
    earlier: list[Conditions] = []


class LoadedRun(Struct, frozen=True, kw_only=True):
    """A run with its facts and the rows that could be read."""

    folder: Path
    run: Run
    facts: RunFacts
    rows: list[Row]
    """Without those of killed workers that a later try has replaced."""

    @property
    def times(self) -> list[Measurement]:
        """The rows that are times."""
        return times(self.rows)


def read_results(results: Path) -> StoredResults:
    """Read a results folder: the rows of ``runs`` and ``asv`` in it, named and numbered.

    One that does not exist is empty. Damaged files are complained about and hide no others; no
    content of a file makes it raise.
    """
    complaints: Complaints = defaultdict(list)
    with no_search_for_cycles():
        own = {
            file.parent: _own(file, complaints) for file in _own_files(results / "runs", complaints)
        }
        named = name_rows([*own.values(), *_asv_runs(results / "asv", complaints)])
        numbers = ProcessNumbers()
        rows = [numbers.number([foreign.row for foreign in run]) for run in named]
    lines = sorted(_line(first, len(others)) for first, *others in complaints.values())
    runs = stored_runs(results, lambda line: lines.append(_line(line)))
    return StoredResults(
        folder=results,
        rows=[row for run in rows for row in run],
        runs=runs,
        complaints=lines,
        by_run=dict(zip(own, rows, strict=False)),
    )


def read_facts(folder: Path) -> RunFacts:
    """Read a run's facts; raises `UserError` naming the file that cannot be understood."""
    environment, starts = load_environment(folder), load_conditions(folder)
    newest = starts[0] if starts else None
    return RunFacts(environment=environment, conditions=newest, earlier=starts[1:])


def read_run(folder: Path) -> LoadedRun:
    """Read a run; raises `UserError` naming the file that cannot be understood.

    Lines that are no rows are left out; `read_results` complains about them.
    """
    run, _, rows = load_run(folder, lambda _: None)
    return LoadedRun(folder=folder, run=run, facts=read_facts(folder), rows=standing(rows))


def _line(first: str, others: int = 0) -> str:
    more = f" (and {others} more in this file)" if others else ""
    text = label(first)
    room = _LONGEST - len(more)
    return (text if len(text) <= room else text[: room - 1] + "…") + more


def _own_files(folder: Path, complaints: Complaints) -> Iterator[Path]:
    for machine in _entries(folder, complaints):
        for run in _entries(machine, complaints):
            for file in _entries(run, complaints):
                if file.name == "measurements.jsonl":
                    yield file


@contextmanager
def _noted(path: Path, complaints: Complaints) -> Iterator[None]:
    """Complain of a file or folder that cannot be read."""
    try:
        yield
    except OSError as error:  # not permitted, or a link to itself
        complaints[path].append(f"{path}: cannot be read: {error.strerror}")
    except UserError as error:
        complaints[path].append(str(error))


def _own(file: Path, complaints: Complaints) -> list[ForeignRow]:
    rows: list[ForeignRow] = []
    with _noted(file, complaints):
        must_be_a_file(file)
        # Rows before an error are kept.
        rows.extend(
            ForeignRow(row=row, own=True)
            for row in read_rows(file, lambda what: complaints[file].append(what))
            if isinstance(row, Measurement)
        )
    return rows


def _asv_runs(folder: Path, complaints: Complaints) -> Iterator[list[ForeignRow]]:
    benchmarks: dict[str, AsvBenchmark] = {}
    entries = _entries(folder, complaints)
    benchmark_list = folder / "benchmarks.json"
    if benchmark_list in entries:
        try:
            benchmarks = load_benchmarks(
                benchmark_list, lambda what: complaints[benchmark_list].append(what)
            )
        except UserError as error:
            # Only this file has the names of the parameters.
            complaints[benchmark_list].append(
                f"{error}; without it none of asv's results can be read"
            )
            return
    for machine in entries:
        for file in _entries(machine, complaints):
            if file.suffix == ".json" and file.name not in FACTS:
                yield _asv(file, benchmarks, complaints)


def _asv(
    file: Path, benchmarks: dict[str, AsvBenchmark], complaints: Complaints
) -> list[ForeignRow]:
    rows: list[ForeignRow] = []
    with _noted(file, complaints):
        must_be_a_file(file)
        # These are the benchmarks of this suite: their parameters are called backend and size.
        reading = Reading(ReadRequest(ours=True))
        rows = read_asv_file(file, benchmarks, reading.request, reading)
        for warning in reading.complaints:
            complaints[file].append(warning.message)
    return rows


def _entries(folder: Path, complaints: Complaints) -> list[Path]:
    """Return what is in a folder, by name; nothing if it is no folder or does not exist."""
    with _noted(folder, complaints), suppress(FileNotFoundError, NotADirectoryError):
        return sorted(folder.iterdir())
    return []
