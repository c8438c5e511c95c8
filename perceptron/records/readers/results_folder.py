"""Read a results folder as far as possible: damaged files are reported and hide no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.cycles import no_search_for_cycles
from perceptron.records.files.regular import must_be_a_file
from perceptron.records.measurement import Measurement
from perceptron.records.readers.asv.files import FACTS, AsvBenchmark, load_benchmarks
from perceptron.records.readers.asv.results import read_asv_file
from perceptron.records.readers.shared.foreign_rows import ForeignRow
from perceptron.records.readers.shared.naming import name_rows
from perceptron.records.readers.shared.processes import ProcessNumbers
from perceptron.records.readers.shared.reading import ReadingNotes, ReadRequest
from perceptron.records.store import read_rows
from perceptron.untrusted_text import label

_LONGEST = 400


class ResultsFolder(Struct, frozen=True, kw_only=True):
    """The rows of a results folder, and a line for each file or folder that is not fully read.

    A complaint begins with the file, is one line of text that every terminal and page accepts, and
    has at most 400 characters; complaints are sorted.
    """

    rows: list[Measurement]
    complaints: list[str]
    by_run: dict[Path, list[Measurement]]
    """Those of ``rows`` that a run of ours has, by its folder."""


def read_results_folder(results: Path) -> ResultsFolder:
    """Read the rows of ``runs`` and ``asv`` in a results folder, named and numbered.

    A folder that does not exist has no rows and no complaint; no content of a file makes it raise.
    """
    complaints = _Complaints()
    with no_search_for_cycles():
        own = {
            file.parent: _own(file, complaints) for file in _own_files(results / "runs", complaints)
        }
        named = name_rows([*own.values(), *_asv_runs(results / "asv", complaints)])
        numbers = ProcessNumbers()
        runs = [numbers.number([foreign.row for foreign in run]) for run in named]
        return ResultsFolder(
            rows=[row for run in runs for row in run],
            complaints=complaints.lines(),
            by_run=dict(zip(own, runs, strict=False)),
        )


class _Complaints:
    """What is wrong, by file: the first complaint in words, the others counted."""

    def __init__(self) -> None:
        self._by_file: dict[Path, list[str]] = {}

    def add(self, file: Path, what: str) -> None:
        self._by_file.setdefault(file, []).append(what)

    def lines(self) -> list[str]:
        return sorted(
            _line(complaints[0], len(complaints) - 1) for complaints in self._by_file.values()
        )


def _line(first: str, others: int) -> str:
    more = f" (and {others} more in this file)" if others else ""
    text = label(first)
    room = _LONGEST - len(more)
    return (text if len(text) <= room else text[: room - 1] + "…") + more


def _own_files(folder: Path, complaints: _Complaints) -> Iterator[Path]:
    for machine in _entries(folder, complaints):
        for run in _entries(machine, complaints):
            for file in _entries(run, complaints):
                if file.name == "measurements.jsonl":
                    yield file


def _own(file: Path, complaints: _Complaints) -> list[ForeignRow]:
    rows: list[ForeignRow] = []
    try:
        must_be_a_file(file)
        # Rows before an error are kept.
        rows.extend(
            ForeignRow(row=row, own=True)
            for row in read_rows(file, lambda what: complaints.add(file, what))
        )
    except OSError as error:
        complaints.add(file, f"{file}: cannot be read: {error.strerror}")
    except UserError as error:
        complaints.add(file, str(error))
    return rows


def _asv_runs(folder: Path, complaints: _Complaints) -> Iterator[list[ForeignRow]]:
    benchmarks: dict[str, AsvBenchmark] = {}
    entries = _entries(folder, complaints)
    benchmark_list = folder / "benchmarks.json"
    if benchmark_list in entries:
        try:
            must_be_a_file(benchmark_list)
            benchmarks = load_benchmarks(
                benchmark_list, lambda what: complaints.add(benchmark_list, what)
            )
        except UserError as error:
            # Only this file has the names of the parameters.
            complaints.add(benchmark_list, f"{error}; without it none of asv's results can be read")
            return
    for machine in entries:
        for file in _entries(machine, complaints):
            if file.suffix == ".json" and file.name not in FACTS:
                yield _asv(file, benchmarks, complaints)


def _asv(
    file: Path, benchmarks: dict[str, AsvBenchmark], complaints: _Complaints
) -> list[ForeignRow]:
    try:
        must_be_a_file(file)
        # These are the benchmarks of this suite: their parameters are called backend and size.
        notes = ReadingNotes()
        rows = read_asv_file(file, benchmarks, ReadRequest(ours=True), notes)
        for warning in notes.warnings:
            complaints.add(file, warning.message)
        return rows
    except UserError as error:
        complaints.add(file, str(error))
    return []


def _entries(folder: Path, complaints: _Complaints) -> list[Path]:
    """Return what is in a folder, by name; nothing if it is no folder or does not exist."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:  # not permitted, or a link to itself
        complaints.add(folder, f"{folder}: cannot be read: {error.strerror}")
        return []
