"""Read a results folder and its runs, with an error for each file that cannot be read."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from msgspec import Struct

from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.records.race import RaceRow
from perceptron.records.readers.any_source import read_own_folder
from perceptron.records.readers.naming import ProcessNumbers, name_rows
from perceptron.records.readers.reading import Reading, ReadRequest
from perceptron.records.row import Row, no_search_for_cycles, standing, times
from perceptron.records.run import Run
from perceptron.records.store import (
    ROWS,
    StoredRun,
    load_conditions,
    load_environment,
    load_run,
    stored_runs,
)
from perceptron.untrusted_text import shortened

_LONGEST = 400
"""The most characters of an error."""


class StoredResults(Struct, frozen=True, kw_only=True):
    """A results folder: all its rows, its runs (newest first), and errors about unreadable files.

    An error is one printable line of at most 400 characters that begins with the file.
    """

    folder: Path
    rows: list[Measurement]
    runs: list[StoredRun]
    errors: list[str]
    by_run: dict[Path, list[Measurement]] = {}
    """The rows of each run, by its folder."""
    whole: dict[Path, list[Measurement]] = {}
    """The entries of ``by_run`` with all rows of the run's file, and with its numbers."""

    def load(self, stored: StoredRun, samples: bool) -> LoadedRun:
        """Return a run as `read_run` does, from the rows in memory if possible."""
        rows = self.whole.get(stored.folder)
        if samples or rows is None:
            return read_run(stored.folder, samples)
        facts = read_facts(stored.folder)
        run = stored.run
        return LoadedRun(folder=stored.folder, run=run, facts=facts, rows=standing(rows))


class RunFacts(Struct, frozen=True, kw_only=True):
    """The machine of a run, and the conditions at its last start; None if not recorded.

    ``earlier`` are the conditions at earlier starts, newest first.
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
    """All rows except those of killed workers that a later try has replaced."""
    others: list[Measurement] = []
    """Rows without samples of other runs on the same machine that are used with this one: see
    `questions.other_sessions`."""
    other_races: list[RaceRow] = []
    """Races of other runs, likewise."""

    @property
    def times(self) -> list[Measurement]:
        """The rows that are times."""
        return times(self.rows)


def read_results(results: Path) -> StoredResults:
    """Read the rows of ``runs`` and ``asv`` in a results folder, named and numbered.

    A folder that does not exist is empty. No content of a file raises: each damaged file is an
    error in the result, and the others are read. Rows of runs keep only the number of their samples
    and the smallest.
    """
    reading = Reading(ReadRequest(samples="number"), str(results))
    with no_search_for_cycles():
        read_own_folder(results, reading)
        rows = _numbered(reading)
        by_run: dict[Path, list[Measurement]] = {}
        whole: dict[Path, list[Measurement]] = {}
        for folder, run, numbered in zip(reading.folders, reading.runs, rows, strict=True):
            if folder is None:  # of another tool
                continue
            by_run[folder] = numbered
            keeps_numbers = all(
                foreign.row is row for foreign, row in zip(run, numbered, strict=True)
            )
            if keeps_numbers and folder / ROWS not in reading.with_races:
                whole[folder] = numbered
    errors = sorted(shortened(warning.message, _LONGEST) for warning in reading.warnings)
    runs = stored_runs(results, lambda line: errors.append(shortened(line, _LONGEST)))
    return StoredResults(
        folder=results,
        rows=[row for numbered in rows for row in numbered],
        runs=runs,
        errors=errors,
        by_run=by_run,
        whole=whole,
    )


def _numbered(reading: Reading) -> list[list[Measurement]]:
    """Return the rows of each run, named; within a session no two runs share a process number.

    Runs of different sessions are judged separately and keep their numbers, so that their files
    need not be read again. Rows of other tools have no session and are numbered together.
    """
    numbers: defaultdict[str | None, ProcessNumbers] = defaultdict(ProcessNumbers)
    named = ([foreign.row for foreign in run] for run in name_rows(reading.runs))
    return [numbers[run[0].session if run else None].number(run) for run in named]


def read_facts(folder: Path) -> RunFacts:
    """Read a run's machine and conditions; raises `UserError` naming a file that is damaged."""
    environment, starts = load_environment(folder), load_conditions(folder)
    newest = starts[0] if starts else None
    return RunFacts(environment=environment, conditions=newest, earlier=starts[1:])


def read_run(folder: Path, samples: bool = True) -> LoadedRun:
    """Read a run; raises `UserError` naming a file that is damaged.

    Damaged lines are skipped; `read_results` reports them. Without ``samples``, rows keep only the
    number of their samples and the smallest.
    """
    run, _, rows = load_run(folder, lambda _: None, samples)
    return LoadedRun(folder=folder, run=run, facts=read_facts(folder), rows=standing(rows))
