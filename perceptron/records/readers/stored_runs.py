"""A results folder and the runs in it, read as far as possible and not judged."""

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
"""Characters of a complaint."""


class StoredResults(Struct, frozen=True, kw_only=True):
    """A results folder: all its rows, its runs (newest first), and what could not be read.

    A complaint begins with the file, is one line of text that every terminal and page accepts, and
    has at most 400 characters.
    """

    folder: Path
    rows: list[Measurement]
    runs: list[StoredRun]
    errors: list[str]
    by_run: dict[Path, list[Measurement]] = {}
    """The rows of each run, by its folder."""
    whole: dict[Path, list[Measurement]] = {}
    """Those of them that hold all rows of a run, with the numbers that its file has."""

    def load(self, stored: StoredRun, samples: bool) -> LoadedRun:
        """Return one of the runs as `read_run` does, without reading its rows again if it can."""
        rows = self.whole.get(stored.folder)
        if samples or rows is None:
            return read_run(stored.folder, samples)
        facts = read_facts(stored.folder)
        run = stored.run
        return LoadedRun(folder=stored.folder, run=run, facts=facts, rows=standing(rows))


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
    others: list[Measurement] = []
    """Rows of the other runs on its machine that answer with it, without their samples: see
    `questions.other_sessions`."""
    other_races: list[RaceRow] = []
    """Likewise of a race."""

    @property
    def times(self) -> list[Measurement]:
        """The rows that are times."""
        return times(self.rows)


def read_results(results: Path) -> StoredResults:
    """Read a results folder: the rows of ``runs`` and ``asv`` in it, named and numbered.

    One that does not exist is empty. Damaged files are complained about and hide no others; no
    content of a file makes it raise. Of samples, rows of runs keep the number and the smallest.
    """
    reading = Reading(ReadRequest(samples="number"), str(results))
    with no_search_for_cycles():
        read_own_folder(results, reading)
        rows = _numbered(reading)
        by_run = {folder: run for folder, run in zip(reading.folders, rows, strict=True) if folder}
        whole = {
            folder: numbered
            for (folder, numbered), run in zip(by_run.items(), reading.runs, strict=False)
            if folder / ROWS not in reading.with_races
            and all(foreign.row is row for foreign, row in zip(run, numbered, strict=True))
        }
    complaints = sorted(shortened(warning.message, _LONGEST) for warning in reading.warnings)
    runs = stored_runs(results, lambda line: complaints.append(shortened(line, _LONGEST)))
    return StoredResults(
        folder=results,
        rows=[row for run in rows for row in run],
        runs=runs,
        errors=complaints,
        by_run=by_run,
        whole=whole,
    )


def _numbered(reading: Reading) -> list[list[Measurement]]:
    """Return the rows of each run, named; no two of a session share a process.

    Runs of two sessions are judged apart and keep their numbers, so that none is read again. Other
    tools' rows know no session, and of our own runs two may have begun within one second.
    """
    numbers: defaultdict[str | None, ProcessNumbers] = defaultdict(ProcessNumbers)
    named = ([foreign.row for foreign in run] for run in name_rows(reading.runs))
    return [numbers[run[0].session if run else None].number(run) for run in named]


def read_facts(folder: Path) -> RunFacts:
    """Read a run's facts; raises `UserError` naming the file that cannot be understood."""
    environment, starts = load_environment(folder), load_conditions(folder)
    newest = starts[0] if starts else None
    return RunFacts(environment=environment, conditions=newest, earlier=starts[1:])


def read_run(folder: Path, samples: bool = True) -> LoadedRun:
    """Read a run; raises `UserError` naming the file that cannot be understood.

    Lines that are no rows are left out; `read_results` complains about them. Without ``samples``
    rows keep only their number and the smallest.
    """
    run, _, rows = load_run(folder, lambda _: None, samples)
    return LoadedRun(folder=folder, run=run, facts=read_facts(folder), rows=standing(rows))
