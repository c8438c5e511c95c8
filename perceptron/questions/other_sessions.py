"""The other runs whose rows answer a question together with a run's own.

Runs of one machine, environment and measuring code that measured the same trainings answer
together, by sessions (`statistics.sessions`); which those are, the run that is judged decides.
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

# With this many an interval of their means is hardly wider than with all. Reading 50 searches of a
# family took 0.23 s, and each is judged.
_MOST_RUNS = 20

RowsOf = Callable[[StoredRun, frozenset[str]], Sequence[Row]]
"""Return the rows of a run, at least all those of these families, or races of these problems."""


def read_session(folder: Path) -> LoadedRun:
    """Read a run and the rows of the other runs on its machine that may join it.

    Raises `UserError` naming the run's file that cannot be understood; the others' are left out.
    """
    return with_others(read_run(folder), runs_of_machine(folder.parent), rows_on_disk)


def with_others(loaded: LoadedRun, runs: Iterable[StoredRun], rows_of: RowsOf) -> LoadedRun:
    """Return a run with the ``others``, from the newest of the ``runs`` that may join it.

    They are times of the same families and backends on equal ground; of a family of which both
    measured one problem with two definitions there are none.
    """
    runs = (one for one in runs if is_race(one.run) == is_race(loaded.run))
    in_time = sorted(runs, key=lambda stored: (stored.run.started, stored.folder.name))
    # Of two that began in one second, which disturbed each other, one: its start names a run.
    joined = {one.run.started: one for one in in_time if joins(one.run, loaded.run)}
    if not joined:  # as most often: nothing is asked of a million rows
        return loaded
    own = [row for row in loaded.rows if may_join(row)]
    of = set(map(measured_as, own))
    families = frozenset(map(_family, own))
    definitions = {(row.problem, row.problem_digest) for row in own}
    others: list[list[Row]] = []
    for stored in reversed(joined.values()):
        rows = [
            row
            for row in standing(rows_of(stored, families))
            if may_join(row) and measured_as(row) in of
        ]
        different = _defined_otherwise(rows, definitions)
        if rows := [row for row in rows if _family(row) not in different]:
            others.append(rows)
        if len(others) == _MOST_RUNS:
            break
    every = [row for rows in others for row in rows]
    return replace(loaded, others=times(every), other_races=races(every))


def is_race(run: Run) -> bool:
    """Return whether a run answers with races alone, whose rows no other study has."""
    return run.plan.get("study") == "race"


def starts(loaded: LoadedRun, family: str | None = None) -> set[str]:
    """Return the starts of all runs that answer together, of one family or of any.

    The run's own included.
    """
    of = [row for row in loaded.others if family in (None, row.family)]
    others = starts_of(of) | starts_of(loaded.other_races)
    return {loaded.run.started, *filter(None, others)}


def joins(other: Run, run: Run) -> bool:
    """Return whether the rows of another run may answer together with those of a run.

    It is of the same machine, environment and measuring code, and of the same files. Without a
    digest of the code the commit says what measured.
    """
    code = (other.code, run.code) if other.code and run.code else (other.commit, run.commit)
    return (
        other.started != run.started
        and (other.machine, other.environment) == (run.machine, run.environment)
        and code[0] == code[1] is not None
        and _files(other) == _files(run)
    )


def alike(run: Run) -> Hashable:
    """Return a key that is equal for runs of which each `joins` the other."""
    return run.machine, run.environment, run.code or run.commit or run.started, *_files(run)


def _files(run: Run) -> list[str]:
    """Return the digests of the files behind a plan: of what was edited another training is left.

    Their paths say less: functions of a notebook lie in a folder of its process.
    """
    digests = run.plan.get("contents")
    return sorted(map(str, digests.values())) if isinstance(digests, dict) else []


def measured_as(row: Row) -> tuple[str, Hashable]:
    """Return the backend of a row, and what else two rows share that measured one thing.

    A whole training of the finding takes as long as its iterations one by one do not.
    """
    if isinstance(row, RaceRow):
        return row.backend, (row.dtype, row.raced)
    is_whole = row.family == FAMILY and row.iterations == ITERATIONS
    return row.backend, (row.family, is_whole, comparison_key(row))


def _family(row: Row) -> str:
    return row.problem if isinstance(row, RaceRow) else row.family


def may_join(row: Row) -> bool:
    """Return whether a row may answer together with those of other runs."""
    if isinstance(row, RaceRow):
        return row.source == "perceptron" and has_raced(row)
    return row.source == "perceptron" and row.family not in EXTRAS and has_time(row)


def _defined_otherwise(
    rows: Iterable[Row], definitions: set[tuple[str | None, str | None]]
) -> set[str]:
    """Return the families of rows of a problem that has another definition here."""
    known = {problem for problem, _ in definitions}
    return {
        _family(row)
        for row in rows
        if row.problem in known and (row.problem, row.problem_digest) not in definitions
    }


def rows_on_disk(stored: StoredRun, families: frozenset[str]) -> list[Row]:
    """Read a run's rows of these families or problems; none where its file cannot be read.

    Most runs of a folder hold none: looking for a name takes a hundredth of decoding every row.
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
