"""Find the other runs whose rows are judged together with those of a run.

They are runs of the same machine, environment and measuring code that measured the same trainings;
`statistics.sessions` joins them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.questions.shared.published import FAMILY, ITERATIONS
from perceptron.records.comparison_key import comparison_key
from perceptron.records.files.read import must_be_a_file
from perceptron.records.measurement import EXTRAS
from perceptron.records.race import RaceRow, has_raced
from perceptron.records.readers.stored_runs import LoadedRun, read_run
from perceptron.records.row import (
    Row,
    races,
    standing,
    times,
    with_shared_texts,
    without_samples,
)
from perceptron.records.run import Run
from perceptron.records.store import ROWS, StoredRun, parse_rows, runs_of_machine
from perceptron.statistics.select import has_time
from perceptron.statistics.sessions import starts_of

# More runs hardly narrow an interval. Reading 50 searches of a family took 0.23 s.
_MOST_RUNS = 20

RowsOf = Callable[[StoredRun, frozenset[str]], Sequence[Row]]
"""Return the rows of a run, at least all those of these families, or races of these problems."""


def read_session(folder: Path) -> LoadedRun:
    """Read a run and the rows of the other runs on its machine that may join it.

    Raises `UserError` naming an unreadable file of the run; unreadable other runs are left out.
    """
    return with_others(read_run(folder), runs_of_machine(folder.parent), rows_on_disk)


def with_others(loaded: LoadedRun, runs: Iterable[StoredRun], rows_of: RowsOf) -> LoadedRun:
    """Return a run with ``others`` filled in from the newest of the ``runs`` that may join it.

    They are times of the same families and backends with equal comparison keys. Families with a
    problem that the two runs define differently are left out.
    """
    runs = (stored for stored in runs if is_race(stored.run) == is_race(loaded.run))
    in_time = sorted(runs, key=lambda stored: (stored.run.started, stored.folder.name))
    # A start identifies a run: of two that began in one second, and disturbed each other, keep one.
    joined = {stored.run.started: stored for stored in in_time if joins(stored.run, loaded.run)}
    if not joined:  # the usual case, which must not cost a look at a million rows
        return loaded
    own_rows = [row for row in loaded.rows if may_join(row)]
    measured = set(map(measured_as, own_rows))
    families = frozenset(map(_family, own_rows))
    definitions = {(row.problem, row.problem_digest) for row in own_rows}
    others: list[list[Row]] = []
    for stored in reversed(joined.values()):
        rows = [
            row
            for row in standing(rows_of(stored, families))
            if may_join(row) and measured_as(row) in measured
        ]
        different = _defined_otherwise(rows, definitions)
        if rows := [row for row in rows if _family(row) not in different]:
            others.append(rows)
        if len(others) == _MOST_RUNS:
            break
    every = [row for rows in others for row in rows]
    return replace(loaded, others=times(every), other_races=races(every))


def is_race(run: Run) -> bool:
    """Return whether a run is of the race study, whose rows no other study has."""
    return run.plan.get("study") == "race"


def starts(loaded: LoadedRun, family: str | None = None) -> set[str]:
    """Return the starts of all runs judged together with this run, and its own start.

    ``family`` limits them to runs that measured it.
    """
    rows = [row for row in loaded.others if family in (None, row.family)]
    others = starts_of(rows) | starts_of(loaded.other_races)
    return {loaded.run.started, *filter(None, others)}


def joins(other: Run, run: Run) -> bool:
    """Return whether the rows of another run may be judged together with those of a run.

    Machine, environment, measuring code and the user's files must be equal. Without a digest of
    the code the commits are compared.
    """
    code = (other.code, run.code) if other.code and run.code else (other.commit, run.commit)
    return (
        other.started != run.started
        and (other.machine, other.environment) == (run.machine, run.environment)
        and code[0] == code[1] is not None
        and _files(other) == _files(run)
    )


def alike(run: Run) -> Hashable:
    """Return a key that is equal for runs that `joins` accepts."""
    return run.machine, run.environment, run.code or run.commit or run.started, *_files(run)


def _files(run: Run) -> list[str]:
    """Return the digests of the files of a plan, sorted: an edited file is another training.

    Paths do not count: functions of a notebook lie in a folder of its process.
    """
    digests = run.plan.get("contents")
    return sorted(map(str, digests.values())) if isinstance(digests, dict) else []


def measured_as(row: Row) -> tuple[str, Hashable]:
    """Return the backend of a row, and a key that is equal for rows of the same measurement.

    A whole training of the finding differs from its iterations measured singly.
    """
    if isinstance(row, RaceRow):
        return row.backend, (row.dtype, row.raced)
    is_whole = row.family == FAMILY and row.iterations == ITERATIONS
    return row.backend, (row.family, is_whole, comparison_key(row))


def _family(row: Row) -> str:
    return row.problem if isinstance(row, RaceRow) else row.family


def may_join(row: Row) -> bool:
    """Return whether a row may be judged together with those of other runs."""
    if isinstance(row, RaceRow):
        return row.source == "perceptron" and has_raced(row)
    return row.source == "perceptron" and row.family not in EXTRAS and has_time(row)


def _defined_otherwise(
    rows: Iterable[Row], definitions: set[tuple[str | None, str | None]]
) -> set[str]:
    """Return the families with a problem that has another digest in ``definitions``."""
    problems = {problem for problem, _ in definitions}
    return {
        _family(row)
        for row in rows
        if row.problem in problems and (row.problem, row.problem_digest) not in definitions
    }


def rows_on_disk(stored: StoredRun, families: frozenset[str]) -> list[Row]:
    """Read a run's rows of these families or problems; none if its file cannot be read.

    Most runs of a folder have none: searching for a name takes a hundredth of decoding every row.
    """
    file = stored.folder / ROWS
    with suppress(UserError, OSError):
        must_be_a_file(file)
        content = file.read_bytes()
        names = [msgspec.json.encode(family) for family in families]
        if not any(name in content for name in names):
            return []
        lines = _holding(content.splitlines(keepends=True), names)
        rows = parse_rows(file, lines, lambda _: None)
        session = stored.run.started
        return [without_samples(with_shared_texts(row, session)) for row in rows]
    return []


def _holding(lines: Iterable[bytes], names: Sequence[bytes]) -> Iterator[bytes]:
    return (line for line in lines if any(name in line for name in names))
