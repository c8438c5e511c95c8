"""Where the rows of a race are kept: in ``races.jsonl``, beside what every run has (`store`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import msgspec

from perceptron.errors import UserError
from perceptron.records.files.append import append, cannot_write, cut_unfinished
from perceptron.records.files.regular import must_be_a_file
from perceptron.records.measurement import was_killed
from perceptron.records.race import RaceRow

FILE = "races.jsonl"


class RaceJournal:
    """The rows of an open run so far, and where the next goes.

    ``complaints`` are about lines of an earlier start that are no rows. Races whose process was
    killed are run again.
    """

    def __init__(self, folder: Path, lines: FileIO) -> None:
        self.complaints: list[str] = []
        before = read_races(folder, self.complaints.append)
        self.rows = [row for row in before if not was_killed(row.reason)]
        self._folder = folder
        self._lines = lines

    def append(self, row: RaceRow) -> None:
        """Write the row and wait until the disk has it; raises `UserError` if it cannot be."""
        try:
            append(self._lines, row)
        except OSError as error:
            raise cannot_write(self._folder, error) from None
        self.rows.append(row)


@contextmanager
def open_races(folder: Path) -> Iterator[RaceJournal]:
    """Open the rows of a run that is open itself, whose lock keeps others away.

    Raises `UserError` if the folder cannot be written to.
    """
    try:
        lines = FileIO(folder / FILE, "a")
        cut_unfinished(lines)
    except OSError as error:
        raise cannot_write(folder, error) from None
    with lines:
        yield RaceJournal(folder, lines)


def read_races(folder: Path, complain: Callable[[str], None]) -> list[RaceRow]:
    """Return the rows of a run's folder, none if it is of another kind.

    A last line that is incomplete is left out. ``complain`` receives a line for each that is no
    row, or for a file that cannot be read.
    """
    file = folder / FILE
    if not file.exists():
        return []
    rows: list[RaceRow] = []
    decode = msgspec.json.Decoder(RaceRow).decode
    try:
        must_be_a_file(file)
        lines = file.read_bytes().splitlines(keepends=True)
    except UserError as error:
        complain(str(error))
        return []
    except OSError as error:
        complain(f"{file}: cannot be read: {error.strerror}")
        return []
    for number, line in enumerate(lines, start=1):
        if not line.endswith(b"\n"):
            break  # the process was ended while it wrote
        try:
            rows.append(decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            complain(f"{file}, line {number}: not a row of a race: {error}")
    return rows
