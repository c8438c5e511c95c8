"""What readers are asked for, and what they have to say about what they do not return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.readers.shared.columns import Packer
from perceptron.records.readers.shared.parameter_roles import ParameterRoles
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import printable

# Why rows are left out: one wording for all readers.
NOT_ASKED_FOR = "of a family that was not asked for"
NO_SUCH_PARAMETERS = "of a benchmark without the parameters that hold the backend and the size"
NO_SIZE = "of a size that is no number above 0"
NO_SIZE_IN_NAME = "with no size in its name"
NO_TIME_UNIT = "in a unit that is no time"
AN_AGGREGATE = "an aggregate of others, or no time"

UNUSABLE_SIZE = "unusable-size"
"""The code of a warning of rows that are left out for their size."""

_LONGEST = 400


class ReadRequest(Struct, frozen=True, kw_only=True):
    """What is wanted of the sources: ``families`` by name, all of them without.

    ``ours`` says that asv's results are of this suite's own benchmarks. ``separator`` stands
    between the fields of tables; found out without.
    """

    roles: ParameterRoles = ParameterRoles()
    families: tuple[str, ...] = ()
    ours: bool = False
    separator: str | None = None
    packer: Packer | None = None
    """What makes columns of our own runs, for those who need no rows."""

    def wants(self, *names: str) -> bool:
        """Return whether a benchmark of these names, short and in full, can be what is asked for.

        A family may carry other parameters in brackets behind the name.
        """
        return not self.families or any(
            is_case_of(family, name) for family in self.families for name in names
        )

    def asks_for(self, family: str) -> bool:
        """Return whether a family, by its final name, is asked for, or its benchmark is."""
        return not self.families or any(is_case_of(family, name) for name in self.families)


def is_case_of(family: str, benchmark: str) -> bool:
    """Return whether a family is a benchmark, or one of those that other parameters make of it."""
    return family == benchmark or family.startswith(f"{benchmark}[")


class UnreadFile(Struct, frozen=True):
    """A file that holds no results that can be read, and why."""

    file: str
    reason: str


class ReadingNotes:
    """What becomes known while a source is read, besides its rows.

    ``left_out`` counts rows by the reason why they are none of the rows returned; ``unused`` are
    the parameters of benchmarks without those asked for, ``families`` the names of all that were
    seen. ``joined`` counts rows of the source that have no row of their own, since the median of
    several stands for them. ``seen`` are the files that were read, of all sources that share it.
    """

    def __init__(self, seen: set[Path] | None = None) -> None:
        self._seen = set() if seen is None else seen
        self.has_repeats = False
        self.files = 0
        self.left_out: Counter[str] = Counter()
        self.joined = 0
        self.unread: list[UnreadFile] = []
        self.unused: set[str] = set()
        self.families: set[str] = set()
        self._complaints: dict[tuple[str, str], tuple[str, Counter[str]]] = {}

    def leave_out(self, rows: int, reason: str) -> None:
        """Count rows that the source holds and that are not returned."""
        if rows:
            self.left_out[reason] += rows

    def is_new(self, file: Path) -> bool:
        """Return whether a file is to be read, and warn of one that was, under whatever name.

        Its values would count as twice as many processes, which agree to the last digit.
        """
        real = file.resolve()
        if real not in self._seen:
            self._seen.add(real)
            return True
        self.has_repeats = True
        self.complain(
            file,
            "read already, under this name or another",
            "it counts once; name each file once",
            "read-twice",
        )
        return False

    def not_read(self, file: Path, why: UserError | str) -> None:
        """Name a file that holds no results that can be read, once."""
        reason = str(why).removeprefix(str(file)).lstrip(":, ")
        unread = UnreadFile(printable(file), printable(reason))
        if unread not in self.unread:
            self.unread.append(unread)

    def complain(self, file: Path, what: str, advice: str, code: str = "not-read") -> None:
        """Warn of something in a file; the same in many files is one warning.

        ``what`` begins with the place in the file.
        """
        _, files = self._complaints.setdefault((code, what), (advice, Counter()))
        files[printable(file)] += 1

    def complain_of_size(
        self, file: Path, benchmark: str, parameter: str, value: str, rows: int
    ) -> None:
        """Warn of rows whose size is no number above 0, and count them; ``value`` is quoted."""
        self.leave_out(rows, NO_SIZE)
        self.complain(
            file,
            f"benchmark {benchmark}, parameter {parameter!r}: {value} is not a size above 0, and "
            "its rows are left out",
            "name with --size the parameter that holds a number",
            UNUSABLE_SIZE,
        )

    @property
    def left_out_by_choice(self) -> bool:
        """Whether rows were left out because their family was not asked for."""
        return NOT_ASKED_FOR in self.left_out

    @property
    def warnings(self) -> list[MeasurementWarning]:
        """One for each thing that is wrong, with the first file and the number of others."""
        return [
            MeasurementWarning(code=code, message=_shortened(what, files), advice=advice)
            for (code, what), (advice, files) in self._complaints.items()
        ]


def _shortened(what: str, files: Iterable[str]) -> str:
    first, *others = files
    more = f" (and {len(others)} more files)" if others else ""
    message = f"{first}, {what}{more}"
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"
