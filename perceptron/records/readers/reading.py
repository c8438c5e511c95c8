"""A reader's request, the rows that it returns, and its notes on entries that are no rows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.options import option
from perceptron.records.measurement import Measurement
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.records.readers.values import UnitName, number
from perceptron.records.store import ROWS
from perceptron.records.validity import impossible
from perceptron.records.warning import MeasurementWarning
from perceptron.untrusted_text import label, printable

Kind = TypeVar("Kind")

# Why rows are left out: one wording for all readers.
NOT_ASKED_FOR = "of a family that was not asked for"
NO_SUCH_PARAMETERS = "of a benchmark without the parameters that hold the backend and the size"
NO_SIZE = "of a size that is no number above 0"
NO_SIZE_IN_NAME = "with no size in its name"
NO_TIME_UNIT = "in a unit that is no time"
AN_AGGREGATE = "an aggregate of others, or no time"
BELOW_RESOLUTION = "with a time of 0: below the timer's resolution"
IMPOSSIBLE = "of a value that nobody can have measured"

_LONGEST = 400
_USUAL_SIZE = ParameterRoles().size


class ForeignRow(Struct, frozen=True, kw_only=True, gc=False):
    """One row of a source.

    Until `naming` has seen all rows, a foreign row's ``family`` is its benchmark's short name;
    ``name`` is its full name and ``others`` are the parameters that hold neither backend nor size.
    Rows that the suite itself measured have neither: their family is final.
    """

    row: Measurement
    name: str = ""
    others: Mapping[str, str] = {}


Run = list[ForeignRow]
"""Rows of one run, of which those with an equal ``repeat`` were measured side by side."""


class ReadRequest(Struct, frozen=True, kw_only=True):
    """A request for rows of the sources: ``families`` by name, all of them without.

    ``ours`` says that asv's results are of this suite's own benchmarks. ``samples`` of our own rows
    are lists, or arrays for a table, or say only how many they were. ``separator`` stands between
    the fields of tables; found out without. ``unit`` is that of their times; seconds without.
    """

    roles: ParameterRoles = ParameterRoles()
    families: tuple[str, ...] = ()
    ours: bool = False
    samples: Literal["lists", "arrays", "number"] = "lists"
    separator: str | None = None
    unit: UnitName | None = None


def is_case_of(family: str, benchmark: str) -> bool:
    """Return whether a family is a benchmark, or one of those that other parameters make of it."""
    return family == benchmark or family.startswith(f"{benchmark}[")


class UnreadFile(Struct, frozen=True):
    """A file that holds no results that can be read, and why."""

    file: str
    reason: str


class Reading:
    """A source as it was named, and what was read of it: runs, and notes on what is no row.

    ``rows`` are those of the ``runs``, once all sources are named and numbered together.
    ``left_out`` counts rows by the reason why they are none of the rows returned; ``unused`` are
    the parameters of benchmarks without those asked for, ``families`` the names of all that were
    seen. ``joined`` counts rows of the source that have no row of their own, since the median of
    several stands for them. ``unread`` are files that cannot be read, ``files`` how many were.
    ``seen`` are digests of the files that were read, of all sources that share it.
    """

    def __init__(
        self, request: ReadRequest, source: str = "", seen: set[bytes] | None = None
    ) -> None:
        self.request = request
        self.source = source
        self.runs: list[Run] = []
        self.rows: list[Measurement] = []
        self.folders: list[Path | None] = []
        """The folder of each of the runs, where that is one of ours."""
        self.run_rows: list[int] = []
        """How many of the ``rows`` are of each of the runs, which come in this order."""
        self.formats: set[str] = set()
        self.files = 0
        self.has_repeats = False
        self.has_named_columns = False
        """Whether a table has the columns that were asked for."""
        self.left_out: Counter[str] = Counter()
        self.joined = 0
        self.unread: list[UnreadFile] = []
        self.unused: set[str] = set()
        self.families: set[str] = set()
        self.with_races: set[Path] = set()
        """Our files that hold races beside the rows that are returned, or nothing else."""
        self.asv_lists: dict[Path, dict[str, Any]] = {}
        """The benchmarks that asv lists in a file."""
        self._seen = set() if seen is None else seen
        self._newest = b""
        self._complaints: dict[tuple[str, str], tuple[str, Counter[str]]] = {}

    @property
    def has_parameters(self) -> bool:
        """Whether its benchmarks have some to choose by: the user must hear of it if none was."""
        return bool(self.formats - {"perceptron", "csv"})

    def add(self, file: Path, tool: str, *runs: Run) -> None:
        """Add the runs of a file, without rows that nobody can have measured."""
        self.formats.add(tool)
        self.files += 1
        # Our own lines were checked as they were read: a complaint about one has its number.
        is_ours = tool == "perceptron"
        self.runs += runs if is_ours else [self._possible(file, run) for run in runs]
        is_run = is_ours and file.name == ROWS
        self.folders += [file.parent if is_run else None] * len(runs)

    def _possible(self, file: Path, run: Run) -> Run:
        kept, zeros, others = [], 0, []
        for foreign in run:
            why = impossible(foreign.row)
            if why is None:
                kept.append(foreign)
            elif foreign.row.seconds == 0:
                zeros += 1
            else:
                others.append(f"{foreign.row.backend} at {foreign.row.size}: {why}")
        for rows, reason in ((zeros, BELOW_RESOLUTION), (len(others), IMPOSSIBLE)):
            self.leave_out(rows, reason)
            if rows:
                example = f", as of {others[0]}" if reason == IMPOSSIBLE else ""
                what = f"{rows:,} {'row' if rows == 1 else 'rows'} {reason}{example}"
                self.complain(file, what, "such rows are left out", "impossible")
        return kept

    def is_asked_for(self, family: str, full_name: str = "", rows: int = 1) -> bool:
        """Note that a benchmark is there; return whether its rows can be of a family asked for.

        A family may carry other parameters in brackets behind the name.
        """
        self.families.add(family)
        asked = self.request.families
        if not asked or any(
            is_case_of(one, name) for one in asked for name in (family, full_name or family)
        ):
            return True
        self.leave_out(rows, NOT_ASKED_FOR)
        return False

    def has_roles(self, roles: ParameterRoles, known: Iterable[str], rows: int = 1) -> bool:
        """Return whether a benchmark has the parameters asked for; note what it has if not."""
        if roles.names.issubset(known):
            return True
        self.unused.update(known)
        self.leave_out(rows, NO_SUCH_PARAMETERS)
        return False

    def leave_out(self, rows: int, reason: str) -> None:
        """Count rows that the source holds and that are not returned."""
        if rows:
            self.left_out[reason] += rows

    def not_understood(self) -> None:
        """Let a copy of the newest file be read: another name may say better what is in it."""
        self._seen.discard(self._newest)

    def is_new(self, file: Path) -> bool:
        """Return whether a file is to be read, and warn of one that was, or whose copy was.

        Its values would count as twice as many processes, which agree to the last digit.
        """
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "blake2b").digest()
        if digest not in self._seen or not file.stat().st_size:
            self._seen.add(digest)
            self._newest = digest
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

    def complain_of_size(self, file: Path, benchmark: str, parameter: str, rows: int = 1) -> None:
        """Warn of rows whose size is no number above 0, and count them."""
        self.leave_out(rows, NO_SIZE)
        self.complain(
            file,
            f"benchmark {benchmark}, parameter {parameter!r}: holds what is no size above 0; such "
            "rows are left out",
            f"name with {option('size')} the parameter that holds a number",
            "unusable-size",
        )

    @property
    def warnings(self) -> list[MeasurementWarning]:
        """One for each thing that is wrong, and for each file that is not read."""
        return [
            *(
                MeasurementWarning(code=code, message=_shortened(what, files), advice=advice)
                for (code, what), (advice, files) in self._complaints.items()
            ),
            *(
                MeasurementWarning(
                    code="file-not-read",
                    message=f"{unread.file}: {unread.reason}",
                    advice="the other files are read; repair it or move it away",
                )
                for unread in self.unread
            ),
        ]


def _shortened(what: str, files: Iterable[str]) -> str:
    first, *others = files
    more = f" (and {len(others)} more files)" if others else ""
    message = f"{first}, {what}{more}"
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"


def converted(file: Path, content: object, kind: type[Kind], tool: str) -> Kind:
    """Return a document as a type; raises `UserError` naming the file and the wrong field."""
    try:
        return msgspec.convert(content, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UserError(f"{file}: not what {tool} writes: {error}") from None


StatedTime = dict[str, Any]
"""The fields of a `Measurement` that say how long a benchmark took, or why there is no time."""


class BenchmarkRows:
    """Makes rows of the benchmarks of one file: those of a run share ``facts``."""

    def __init__(self, file: Path, tool: str, reading: Reading) -> None:
        self.file = file
        self.reading = reading
        self.runs: list[list[ForeignRow]] = []
        self.facts: dict[str, Any] = {}
        self._tool = tool

    def begin(self, **facts: Any) -> None:
        """Begin a run."""
        self.runs.append([])
        usual = {"machine": "unknown", "when": ""}
        self.facts = {**usual, **facts, "source": self._tool, "file": printable(self.file)}

    def add(
        self,
        family: str,
        title: str,
        time: StatedTime | None,
        *,
        name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        """Add the row of a benchmark, or note why it is left out.

        ``title`` is what its tool calls it, in which parameters may stand, ``name`` what is left of
        that without the ``parameters`` that the tool states, and ``fields`` are more of the row's.
        Without a ``time`` the tool states none.
        """
        family, title = label(family) or "benchmark", label(title)
        if not self.reading.is_asked_for(family):
            return
        roles = self.reading.request.roles.in_names()
        known = self._known(title, title if name is None else label(name), parameters or {})
        if set(known) <= {"name"} and not roles.names <= set(known):
            self.reading.leave_out(1, NO_SIZE_IN_NAME)
        else:
            self.add_chosen(roles, family, title, time, known, **fields)

    def add_chosen(
        self,
        roles: ParameterRoles,
        family: str,
        title: str,
        time: StatedTime | None,
        known: Mapping[str, Any],
        *,
        telling: Mapping[str, Any] | None = None,
        full_name: str = "",
        **fields: Any,
    ) -> None:
        """Add the row of a benchmark with these parameters, or note that it lacks those asked for.

        ``telling`` are those that may tell families apart; all without.
        """
        if not self.reading.has_roles(roles, known):
            return
        place = roles.place(known, telling)
        if place is None:
            self.reading.complain_of_size(self.file, title, roles.size)
            return
        if time is None:
            time = {"status": "failed", "reason": f"no time in {self._tool}"}
        placed, others = place
        row = Measurement(**{**self.facts, **placed, **time, **fields}, family=family)
        self.runs[-1].append(ForeignRow(row=row, name=full_name, others=others))

    def _known(self, title: str, name: str, stated: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters: a pattern that was typed comes first, then what the tool states.

        Of a tool that states no parameter of the size's usual name, the last number is the size.
        """
        roles = self.reading.request.roles
        if roles.pattern is None:
            known = {"name": name, **_with_size(stated, roles)}
            if roles.size in known:
                return known
        return {"name": name, **stated, **roles.in_names().parameters(title)}


def _with_size(stated: Mapping[str, Any], roles: ParameterRoles) -> Mapping[str, Any]:
    if roles.size != _USUAL_SIZE or _USUAL_SIZE in stated:
        return stated
    backends = roles.in_names().backends
    numbers = [
        name for name, value in stated.items() if number(value) is not None and name not in backends
    ]
    if not numbers:
        return stated
    others = {name: value for name, value in stated.items() if name != numbers[-1]}
    return {**others, _USUAL_SIZE: stated[numbers[-1]]}


class JsonFormat(NamedTuple):
    """A tool whose results are JSON: what recognises an object, its type, and what adds its rows.

    The type holds what is read of it. ``add`` begins a run before it adds the rows of that.
    """

    name: str
    recognises: Callable[[Mapping[str, Any]], bool]
    document: type[Struct]
    add: Callable[[Any, BenchmarkRows], None]

    def read(self, file: Path, content: object, reading: Reading) -> None:
        """Read a document; raises `UserError` naming the file and the field that is wrong."""
        rows = BenchmarkRows(file, self.name, reading)
        self.add(converted(file, content, self.document, self.name), rows)
        reading.add(file, self.name, *rows.runs)
