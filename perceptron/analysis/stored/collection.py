"""Everything that a folder of results holds, judged: what the dashboard shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from perceptron.analysis.history.history import CaseHistory, histories
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.phase_map.phase_map import MapResult
from perceptron.analysis.plausible import plausible
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.runs import judged_bench, judged_ladder, judged_map
from perceptron.analysis.stored.sweep import Sweep, sweeps
from perceptron.analysis.trust import Diagnosis, warnings_about
from perceptron.errors import UserError
from perceptron.records.conditions import Conditions
from perceptron.records.measurement import Measurement
from perceptron.records.readers.foreign import label
from perceptron.records.readers.shelf import read_shelf
from perceptron.records.runs import StoredRun, stored_runs
from perceptron.records.store import load_conditions, load_environment

Found = TypeVar("Found")
_LONGEST = 400


class Machine(Struct, frozen=True, kw_only=True):
    """A machine and what it measured; ``diagnosis`` is that of its newest run of ours, if any."""

    name: str
    sources: list[str]
    runs: int
    rows: int
    commits: int
    newest: str
    diagnosis: Diagnosis | None


class Collection(Struct, frozen=True, kw_only=True):
    """Results, judged. Every list begins with the newest.

    ``benches`` holds the newest of each machine, ``maps`` of each machine, family, dtype and number
    of threads, ``ladders`` of each machine, problem and number of threads. ``complaints`` are about
    what could not be read, one line of at most 400 characters each; everything else was.
    """

    rows: list[Measurement]
    machines: list[Machine]
    benches: list[BenchResult]
    maps: list[MapResult]
    ladders: list[OverheadResult]
    sweeps: list[Sweep]
    histories: list[CaseHistory]
    complaints: list[str]


def collect(results: Path) -> Collection:
    """Read and judge a folder of results; one that is not there holds none. Nothing is raised."""
    shelf = read_shelf(results)
    rows = [row for row in shelf.rows if plausible(row)]
    complaints = list(shelf.complaints)
    if len(rows) < len(shelf.rows):
        complaints.append(f"{results}: {len(shelf.rows) - len(rows)} rows hold no possible numbers")
    stored = stored_runs(results, complaints.append)
    finished = [each for each in stored if each.run.finished is not None]
    return Collection(
        rows=rows,
        machines=_machines(rows, stored, complaints.append),
        benches=_newest(finished, "bench", ("machine",), judged_bench, complaints.append),
        maps=_newest(
            finished,
            "map",
            ("machine", "family", "dtype", "threads"),
            judged_map,
            complaints.append,
        ),
        ladders=_newest(
            finished,
            "overhead",
            ("machine", "problem", "threads"),
            judged_ladder,
            complaints.append,
        ),
        sweeps=sweeps(rows),
        histories=histories(rows),
        complaints=sorted({_line(each) for each in complaints}),
    )


def collection_of(rows: Iterable[Measurement]) -> Collection:
    """Judge rows that lie in no folder of results: their sweeps and histories, without runs."""
    kept = [row for row in rows if plausible(row)]
    complaints: list[str] = []
    return Collection(
        rows=kept,
        machines=_machines(kept, [], complaints.append),
        benches=[],
        maps=[],
        ladders=[],
        sweeps=sweeps(kept),
        histories=histories(kept),
        complaints=complaints,
    )


def _line(complaint: str) -> str:
    """As the shelf's: paths come from strangers too."""
    text = label(complaint)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _newest(
    stored: Iterable[StoredRun],
    study: str,
    names: tuple[str, ...],
    judge: Callable[[Path], Found],
    complain: Callable[[str], None],
) -> list[Found]:
    """The newest of each that can be judged, the newest first.

    Whole runs of the same code on the same ground go before a quick look.
    """
    groups: dict[str, list[StoredRun]] = {}
    for each in stored:
        if each.run.plan.get("study") == study:
            facts = each.run.plan | {"machine": each.run.machine}
            groups.setdefault(repr([facts.get(name) for name in names]), []).append(each)
    found = []
    for members in groups.values():
        for each in _preferred(members):
            try:
                found.append((each.run.started, each.folder, judge(each.folder)))
            except UserError as error:
                complain(str(error))
            else:
                break
    found.sort(key=lambda each: each[:2], reverse=True)
    return [judged for _, _, judged in found]


def _preferred(runs: list[StoredRun]) -> list[StoredRun]:
    """The same runs, in the order in which they are to be shown."""

    def is_look(each: StoredRun) -> bool:
        newest = runs[0].run
        same = (each.run.environment, each.run.commit) == (newest.environment, newest.commit)
        return not same or bool(each.run.plan.get("quick"))

    return sorted(runs, key=is_look) if runs[0].run.plan.get("quick") else runs


def _machines(
    rows: list[Measurement], stored: list[StoredRun], complain: Callable[[str], None]
) -> list[Machine]:
    by_name: dict[str, list[Measurement]] = {}
    for row in rows:
        by_name.setdefault(row.machine, []).append(row)
    runs = Counter(each.run.machine for each in stored)
    newest: dict[str, StoredRun] = {}
    for each in stored:
        newest.setdefault(each.run.machine, each)
    names = dict.fromkeys([*newest, *by_name])
    found = [
        Machine(
            name=name,
            sources=sorted({row.source for row in by_name.get(name, [])}),
            runs=runs[name],
            rows=len(by_name.get(name, [])),
            commits=len({row.commit for row in by_name.get(name, []) if row.commit}),
            newest=max((row.when for row in by_name.get(name, [])), default=""),
            diagnosis=_diagnosis(newest.get(name), by_name.get(name, []), complain),
        )
        for name in names
    ]
    return sorted(found, key=lambda each: (each.newest, each.name), reverse=True)


def _diagnosis(
    stored: StoredRun | None, rows: list[Measurement], complain: Callable[[str], None]
) -> Diagnosis | None:
    """What `perceptron doctor` would have said of the machine when its newest run started."""
    if stored is None:
        return None
    try:
        environment = load_environment(stored.folder)
        conditions = load_conditions(stored.folder)
    except UserError as error:
        complain(str(error))
        return None
    threads = max(
        (row.threads for row in rows if row.environment == environment.id and row.threads),
        default=environment.cores,
    )
    return Diagnosis(
        environment=environment,
        threads=threads,
        conditions=conditions or Conditions(),
        warnings=warnings_about(environment, threads, conditions),
    )
