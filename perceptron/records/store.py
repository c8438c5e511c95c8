"""The store of measurements: one folder for each run, one line for each row.

    results/runs/<machine>/environment-<id>.json     facts, shared by runs
    results/runs/<machine>/<run>/run.json            the plan, and whether it was finished
    results/runs/<machine>/<run>/conditions.json     the conditions at its first start
    results/runs/<machine>/<run>/conditions-<start>.json  the conditions at a later start
    results/runs/<machine>/<run>/measurements.jsonl  one `Row` a line, in order of time

A row is on disk before the next is measured. An interrupted run is found by its plan and resumed;
at most the line being written is measured again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.conditions import Conditions
from perceptron.records.environment import Environment
from perceptron.records.files.lock import open_locked
from perceptron.records.files.read import must_be_a_file, read_written
from perceptron.records.files.write import append, cannot_write, cut_unfinished, replace
from perceptron.records.row import (
    Row,
    lost_rows,
    times,
    was_killed,
    with_shared_texts,
    without_samples,
)
from perceptron.records.run import Hang, Run, now
from perceptron.records.validity import impossible

ROWS = "measurements.jsonl"
# The shortest time between two updates of the seconds spent.
_SECONDS_BETWEEN_NOTES = 5.0
_IDENTITY = re.compile(r"[0-9a-z-]{1,64}", re.ASCII)


class RunJournal:
    """An open run: its rows so far, and the file for the next.

    ``run`` is the run as this start requests it. ``errors`` are about damaged lines of earlier
    starts. Rows of killed workers are not in ``rows``: they are tried again.
    """

    def __init__(self, folder: Path, run: Run, lines: FileIO) -> None:
        self.folder = folder
        self.errors: list[str] = []
        before = list(read_rows(folder / ROWS, self.errors.append))
        self._lost_before = lost_rows(before)
        self.rows: list[Row] = [row for row in before if not was_killed(row.reason)]
        self.times = times(self.rows)
        """The times among ``rows``; the list grows with them."""
        self._lines = lines
        stored = load_plan(folder)
        self._run = run
        # A finished run has used its budget: its lost rows are tried in that of this start.
        is_over = stored.finished is not None and stored.has_lost_rows
        self.spent_seconds = 0.0 if is_over else stored.spent_seconds or 0.0
        """Seconds of all starts, as last written to the run's file."""

    @property
    def lost(self) -> list[Row]:
        """Rows of killed workers, of all starts, that none has measured since."""
        return lost_rows([*self._lost_before, *self.rows])

    def append(self, *rows: Row) -> None:
        """Write the rows and wait until they are on disk; raises `UserError` if that fails."""
        try:
            append(self._lines, *rows)
        except OSError as error:
            raise cannot_write(self.folder, error) from None
        self.rows += rows
        self.times += times(rows)

    def keep_conditions(self, conditions: Conditions) -> None:
        """Write the conditions of this start to a file beside the rows.

        Raises `UserError` if the folder cannot be written to.
        """
        file = self.folder / "conditions.json"
        if file.exists():
            file = self.folder / f"conditions-{_file_name(self._run.started)}.json"
        try:
            replace(file, conditions)
        except OSError as error:
            raise cannot_write(self.folder, error) from None

    def note_spent(self, seconds: float) -> None:
        """Store the seconds that all starts have spent, at most once every few seconds."""
        if seconds - self.spent_seconds >= _SECONDS_BETWEEN_NOTES:
            self.keep_spent(seconds)

    def keep_spent(self, seconds: float) -> None:
        """Store the seconds that all starts have spent; raises `UserError` if that fails."""
        self._write(spent_seconds=seconds)
        self.spent_seconds = seconds

    def finish(
        self, spent: float | None = None, cut_short: bool = False, hangs: Sequence[Hang] = ()
    ) -> None:
        """Mark the run as finished: the same plan then starts a new run.

        A larger budget resumes a run that was ``cut_short``; any budget resumes one that lost rows.
        """
        self._write(
            finished=now(),
            spent_seconds=spent,
            cut_short=cut_short,
            hangs=list(hangs),
            has_lost_rows=bool(self.lost),
        )

    def _write(self, **fields: object) -> None:
        try:
            replace(self.folder / "run.json", msgspec.structs.replace(self._run, **fields))
        except OSError as error:
            raise cannot_write(self.folder, error) from None


@contextmanager
def open_run(
    results: Path, run: Run, environment: Environment, fresh: bool = False
) -> Iterator[RunJournal]:
    """Open the stored run that ``run`` resumes, or a new one.

    With ``fresh`` no run that has rows is resumed. Raises `UserError` if the folder is not
    writable.
    """
    machine = results / "runs" / run.machine
    try:
        machine.mkdir(parents=True, exist_ok=True)
        replace(machine / f"environment-{environment.id}.json", environment)
        folder, lines = _resume(machine, run, fresh) or _create(machine, run)
    except OSError as error:
        raise cannot_write(results, error) from None
    with lines:
        yield RunJournal(folder, run, lines)


def read_rows(file: Path, report_error: Callable[[str], None] | None = None) -> Iterator[Row]:
    """Yield the rows of a file, see `parse_rows`."""
    with file.open("rb") as lines:
        yield from parse_rows(file, lines, report_error)


def parse_rows(
    file: Path, lines: Iterable[bytes], report_error: Callable[[str], None] | None = None
) -> Iterator[Row]:
    """Yield the rows of a file's lines; an incomplete last line is skipped.

    ``report_error`` receives a line of text, with file and number, for each line that is no row or
    has impossible values. Without it, such a line raises `UserError`.
    """
    decode = msgspec.json.Decoder(Row).decode
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            return  # the process was ended while it wrote
        try:
            row = decode(line)
            reason = impossible(row)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = str(error)
        if reason is None:
            yield row
            continue
        complaint = f"{file}, line {number}: not a measurement: {reason}"
        if report_error is None:
            raise UserError(complaint)
        report_error(complaint)


def load_run(
    folder: Path, report_error: Callable[[str], None] | None = None, samples: bool = True
) -> tuple[Run, Environment, list[Row]]:
    """Read a run, its environment and rows; raises `UserError` naming a file that is damaged.

    ``report_error`` is as in `parse_rows`. Without ``samples``, rows keep only the number of their
    samples and the smallest.
    """
    run, environment = load_plan(folder), load_environment(folder)
    file = folder / ROWS
    must_be_a_file(file)
    try:
        rows = (with_shared_texts(row, run.started) for row in read_rows(file, report_error))
        return run, environment, list(rows if samples else map(without_samples, rows))
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None


def load_plan(folder: Path) -> Run:
    """Read a run's plan; raises `UserError` naming a file that is damaged."""
    return read_written(folder / "run.json", Run, "a run")


def load_environment(folder: Path) -> Environment:
    """Read a run's environment; raises `UserError` naming a file that is damaged."""
    identity = load_plan(folder).environment
    if not _IDENTITY.fullmatch(identity):  # it becomes part of a path
        raise UserError(f"{folder / 'run.json'}, environment: not an id of an environment")
    return load_environment_file(folder.parent / f"environment-{identity}.json")


def load_environment_file(file: Path) -> Environment:
    """Read an environment file; raises `UserError` naming a file that is damaged."""
    return read_written(file, Environment, "a run")


def stored_environment(machine: Path, environment: Environment) -> Environment:
    """Return a stored environment that differs at most in its memory; else the given one.

    The memory of a virtual machine may grow on demand, which does not make another environment.
    """
    for file in sorted(machine.glob("environment-*.json")):
        with suppress(UserError):
            stored = load_environment_file(file)
            memory = environment.memory_bytes
            if msgspec.structs.replace(stored, memory_bytes=memory) == environment:
                return stored
    return environment


def load_conditions(folder: Path) -> list[Conditions]:
    """Read the conditions of each start of a run, newest first.

    A start that ended early has none. Raises `UserError` naming a file that is damaged.
    """
    later = sorted(folder.glob("conditions-*.json"), reverse=True)
    files = [*later, folder / "conditions.json"]
    return [read_written(file, Conditions, "a run") for file in files if file.exists()]


def _resume(machine: Path, run: Run, fresh: bool) -> tuple[Path, FileIO] | None:
    for file in sorted(machine.glob("*/run.json"), reverse=True):
        if not _is_open(file, run, fresh):
            continue
        lines = open_locked(file.parent / ROWS)
        if lines is None:
            continue  # another process is measuring it now
        if not _is_open(file, run, fresh):
            lines.close()  # that process finished it just before we had the lock
            continue
        cut_unfinished(lines)
        return file.parent, lines
    return None


def _is_open(file: Path, run: Run, fresh: bool) -> bool:
    """Return whether a run can be resumed; never one with symbolic links.

    With ``fresh`` only a run without measurements is resumed.
    """
    rows = file.parent / ROWS
    if any(path.is_symlink() for path in (file.parent, file, rows)):
        return False
    try:
        if rows.exists():
            must_be_a_file(rows)
            if fresh and rows.stat().st_size:
                return False
        stored = read_written(file, Run, "a run")
    except UserError:
        return False  # not ours; reading the results reports it
    return run.resumes(stored)


def _file_name(started: str) -> str:
    """Convert a time to a part of a file's name."""
    return started.replace(":", "")


def _create(machine: Path, run: Run) -> tuple[Path, FileIO]:
    name = _file_name(run.started)
    for attempt in range(1, 1000):
        folder = machine / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue  # another run started in the same second
        lines = open_locked(folder / ROWS)
        assert lines is not None, "a new folder has no other user"
        replace(folder / "run.json", run)
        return folder, lines
    raise UserError(f"{machine}: a thousand runs started within one second")


class StoredRun(Struct, frozen=True):
    """A run and its folder."""

    folder: Path
    run: Run


def run_folders(folder: Path, file: str = "run.json") -> list[Path]:
    """Return the folders of runs that have ``file``, in a folder of results, machines or runs."""
    shapes = ("", "*/", "*/*/", "runs/*/*/")
    return [run.parent for shape in shapes for run in sorted(folder.glob(f"{shape}{file}"))]


def stored_runs(results: Path, report_error: Callable[[str], None]) -> list[StoredRun]:
    """Return all runs, newest first; ``report_error`` receives a line for each damaged folder."""
    runs = []
    for file in sorted(results.glob("runs/*/*/run.json")):
        try:
            runs.append(StoredRun(file.parent, load_plan(file.parent)))
        except UserError as error:
            report_error(str(error))
    return sorted(runs, key=lambda stored: (stored.run.started, stored.folder.name), reverse=True)


def runs_of_machine(machine: Path) -> list[StoredRun]:
    """Return the undamaged runs in the folder of one machine, in any order."""
    runs = []
    for file in machine.glob("*/run.json"):
        with suppress(UserError):
            runs.append(StoredRun(file.parent, load_plan(file.parent)))
    return runs


def count_rows(results: Path) -> int:
    """Return the number of rows in a folder of results."""
    files = results.glob(f"runs/*/*/{ROWS}")
    return sum(file.read_bytes().count(b"\n") for file in files if file.is_file())
