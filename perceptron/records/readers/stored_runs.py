"""A results folder and the runs in it, read and not judged."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.records.race import RaceRow
from perceptron.records.races import read_races
from perceptron.records.readers.results_folder import read_results_folder
from perceptron.records.run import Run
from perceptron.records.runs import StoredRun, stored_runs
from perceptron.records.store import load_conditions, load_environment, load_run


class StoredResults(Struct, frozen=True, kw_only=True):
    """A results folder: all its rows, its runs (newest first), and what could not be read."""

    folder: Path
    rows: list[Measurement]
    runs: list[StoredRun]
    complaints: list[str]
    by_run: dict[Path, list[Measurement]] = {}
    """Those of ``rows`` that a run has, by its folder; their processes are numbered with others'.
    """


class RunFacts(Struct, frozen=True, kw_only=True):
    """What a run was measured on, and under what when last started; None if not recorded.

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
    rows: list[Measurement]
    races: list[RaceRow] = []
    """Of a race, which has no other rows."""


def read_results(results: Path) -> StoredResults:
    """Read a results folder; one that does not exist is empty. Never raises for its contents."""
    shelf = read_results_folder(results)
    complaints = list(shelf.complaints)
    runs = stored_runs(results, complaints.append)
    for stored in runs:
        about: list[str] = []
        read_races(stored.folder, about.append)
        more = f" (and {len(about) - 1} more in this file)" if about[1:] else ""
        complaints += [line + more for line in about[:1]]
    return StoredResults(
        folder=results, rows=shelf.rows, runs=runs, complaints=complaints, by_run=shelf.by_run
    )


def read_facts(folder: Path) -> RunFacts:
    """Read a run's facts; raises `UserError` naming the file that cannot be understood."""
    return _facts(load_environment(folder), folder)


def read_run(folder: Path) -> LoadedRun:
    """Read a run; raises `UserError` naming the file that cannot be understood.

    Lines that are no rows are left out; `read_results` complains about them.
    """
    run, environment, rows = load_run(folder, lambda _: None)
    races = read_races(folder, lambda _: None)
    facts = _facts(environment, folder)
    return LoadedRun(folder=folder, run=run, facts=facts, rows=rows, races=races)


def _facts(environment: Environment, folder: Path) -> RunFacts:
    starts = load_conditions(folder)
    newest = starts[0] if starts else None
    return RunFacts(environment=environment, conditions=newest, earlier=starts[1:])
