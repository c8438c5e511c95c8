"""The store of measurements: one folder for each run, one line for each row.

    results/runs/<machine>/environment-<id>.json     facts, shared by runs
    results/runs/<machine>/<run>/run.json            the plan, and whether it was finished
    results/runs/<machine>/<run>/conditions.json     what it was measured under, when first started
    results/runs/<machine>/<run>/conditions-<start>.json  the same, of a later start that resumed it
    results/runs/<machine>/<run>/measurements.jsonl  one `Row` a line, in order of time

A row is on disk before the next one is measured. An interrupted run is found by its plan and
resumed; at most the line that was being written is measured again.
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
# How often at most it is written down what a run has spent.
_SECONDS_BETWEEN_NOTES = 5.0
_IDENTITY = re.compile(r"[0-9a-z-]{1,64}", re.ASCII)


class RunJournal:
    """An open run: its rows so far, and where the next goes.

    ``run`` is that of this start. ``errors`` are about lines of an earlier start that are no
    rows. What an earlier start lost, because workers were killed, is no row either: it is tried
    again.
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
        # One that was finished had its time: what it has lost is tried in that of this start.
        is_over = stored.finished is not None and stored.has_lost_rows
        self.spent_seconds = 0.0 if is_over else stored.spent_seconds or 0.0
        """Seconds of earlier starts, then the seconds that are written down."""

    @property
    def lost(self) -> list[Row]:
        """Rows of workers that were killed, of all starts, which none has measured since."""
        return lost_rows([*self._lost_before, *self.rows])

    def append(self, *rows: Row) -> None:
        """Write the rows at once and wait until the disk has them."""
        try:
            append(self._lines, *rows)
        except OSError as error:
            raise cannot_write(self.folder, error) from None
        self.rows += rows
        self.times += times(rows)

    def keep_conditions(self, conditions: Conditions) -> None:
        """Write beside the rows what this start measures under, in a file of its own.

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
        """Write down what all starts have spent, unless that was done a few seconds ago."""
        if seconds - self.spent_seconds >= _SECONDS_BETWEEN_NOTES:
            self.keep_spent(seconds)

    def keep_spent(self, seconds: float) -> None:
        """Write down what all starts have spent; raises `UserError` if that cannot be done."""
        self._write(spent_seconds=seconds)
        self.spent_seconds = seconds

    def finish(
        self, spent: float | None = None, cut_short: bool = False, hangs: Sequence[Hang] = ()
    ) -> None:
        """Mark the run as complete: the same plan then starts a new one.

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
    """Open the run that this one resumes, or a new one.

    A ``fresh`` start resumes no run with rows. Raises `UserError` if the folder is not writable.
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


def read_rows(file: Path, complain: Callable[[str], None] | None = None) -> Iterator[Row]:
    """Yield the rows of a file, as `parse_rows` does of its lines."""
    with file.open("rb") as lines:
        yield from parse_rows(file, lines, complain)


def parse_rows(
    file: Path, lines: Iterable[bytes], complain: Callable[[str], None] | None = None
) -> Iterator[Row]:
    """Yield the rows of a file's lines; a last line that is incomplete is left out.

    A line that is no row, or an impossible one, is reported to ``complain`` with
    its file and number, and the rest is still read; without ``complain`` it raises `UserError`.
    """
    decode = msgspec.json.Decoder(Row).decode
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            return  # the process was ended while it wrote
        try:
            row = decode(line)
            why = impossible(row)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            why = str(error)
        if why is None:
            yield row
            continue
        complaint = f"{file}, line {number}: not a measurement: {why}"
        if complain is None:
            raise UserError(complaint)
        complain(complaint)


def load_run(
    folder: Path, complain: Callable[[str], None] | None = None, samples: bool = True
) -> tuple[Run, Environment, list[Row]]:
    """Read a run; raise `UserError` naming the file that cannot be understood.

    ``complain`` as in `read_rows`; without ``samples`` rows keep their number and the smallest.
    """
    run, environment = load_plan(folder), load_environment(folder)
    file = folder / ROWS
    must_be_a_file(file)
    try:
        rows = (with_shared_texts(row, run.started) for row in read_rows(file, complain))
        return run, environment, list(rows if samples else map(without_samples, rows))
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None


def load_plan(folder: Path) -> Run:
    """Read what a run set out to do; raise `UserError` naming a file that cannot be understood."""
    return read_written(folder / "run.json", Run, "a run")


def load_environment(folder: Path) -> Environment:
    """Read what a run was measured on; raise `UserError` naming a file that is not understood."""
    identity = load_plan(folder).environment
    if not _IDENTITY.fullmatch(identity):  # it becomes part of a path
        raise UserError(f"{folder / 'run.json'}, environment: not an id of an environment")
    return load_environment_file(folder.parent / f"environment-{identity}.json")


def load_environment_file(file: Path) -> Environment:
    """Read the facts in a file; raise `UserError` naming a file that is not understood."""
    return read_written(file, Environment, "a run")


def known_environment(machine: Path, environment: Environment) -> Environment:
    """Return the environment as a run in this folder has it, if only the memory is another.

    A virtual machine's memory grows when it is needed: its rows are of one environment all the
    same.
    """
    for file in sorted(machine.glob("environment-*.json")):
        with suppress(UserError):
            stored = load_environment_file(file)
            memory = environment.memory_bytes
            if msgspec.structs.replace(stored, memory_bytes=memory) == environment:
                return stored
    return environment


def load_conditions(folder: Path) -> list[Conditions]:
    """Read what each start of a run was measured under, the newest first.

    A start that ended before it looked has none. Raises `UserError` naming a file that cannot be
    understood.
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
            continue  # being measured right now, by another process
        if not _is_open(file, run, fresh):
            lines.close()  # that process finished it just before we had the lock
            continue
        cut_unfinished(lines)
        return file.parent, lines
    return None


def _is_open(file: Path, run: Run, fresh: bool) -> bool:
    """Return whether a run can be resumed: not where a link leads away from this folder.

    A ``fresh`` start resumes only a run without measurements, which is no session.
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
        return False  # not ours; results that are read complain about it
    return run.resumes(stored)


def _file_name(started: str) -> str:
    """Return a time as part of a file's name."""
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
    """A run and the folder that it lies in."""

    folder: Path
    run: Run


def run_folders(folder: Path, file: str = "run.json") -> list[Path]:
    """Return the runs with this file: in a folder of results, of machines, of runs, or itself."""
    shapes = ("", "*/", "*/*/", "runs/*/*/")
    return [run.parent for shape in shapes for run in sorted(folder.glob(f"{shape}{file}"))]


def stored_runs(results: Path, complain: Callable[[str], None]) -> list[StoredRun]:
    """Return all runs, the newest first; ``complain`` receives a line for each damaged folder."""
    runs = []
    for file in sorted(results.glob("runs/*/*/run.json")):
        try:
            runs.append(StoredRun(file.parent, load_plan(file.parent)))
        except UserError as error:
            complain(str(error))
    return sorted(runs, key=lambda stored: (stored.run.started, stored.folder.name), reverse=True)


def runs_of_machine(machine: Path) -> list[StoredRun]:
    """Return the runs in the folder of one machine, in any order; damaged ones are left out."""
    runs = []
    for file in machine.glob("*/run.json"):
        with suppress(UserError):
            runs.append(StoredRun(file.parent, load_plan(file.parent)))
    return runs


def count_rows(results: Path) -> int:
    """Return how many rows lie in a folder of results."""
    files = results.glob(f"runs/*/*/{ROWS}")
    return sum(file.read_bytes().count(b"\n") for file in files if file.is_file())
