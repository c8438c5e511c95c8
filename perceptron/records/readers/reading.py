"""A reader's request, the rows that it returns, and its notes on entries that are no rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Struct, field

from perceptron.errors import UserError
from perceptron.options import option
from perceptron.records.measurement import Measurement
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.records.readers.values import StatedTime, UnitName
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
_MOST_REASONS = 12


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
    are lists, or arrays for a table, or as many times the smallest. ``separator`` stands between
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


class SourceRead(Struct, frozen=True, kw_only=True):
    """A source that was read; ``left_out`` counts what is none of its ``rows`` by the reason."""

    source: str
    formats: list[str]
    files: int
    rows: int
    skipped: dict[str, int] = field(name="left_out")


class Reading:
    """A source as it was named, and what was read of it: runs, and notes on what is no row.

    ``rows`` are those of the ``runs``, once all sources are named and numbered together.
    ``skipped`` counts rows by the reason why they are none of the rows returned; ``unused`` are
    the parameters of benchmarks without those asked for, ``families`` the names of all that were
    seen. ``unread`` are lines about files that cannot be read, ``files`` is how many were. ``seen``
    are digests of the files that were read, of all sources that share it.
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
        self.skipped: Counter[str] = Counter()
        self.unread: list[str] = []
        self.unused: set[str] = set()
        self.families: set[str] = set()
        self.with_races: set[Path] = set()
        """Our files that hold races beside the rows that are returned, or nothing else."""
        self.asv_lists: dict[Path, dict[str, Any]] = {}
        """The benchmarks that asv lists in a file."""
        self.seen = set() if seen is None else seen
        self._complaints: dict[tuple[str, str], tuple[str, Counter[str]]] = {}

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
        wanted = self.request.families
        if not wanted or any(
            is_case_of(choice, name) for choice in wanted for name in (family, full_name or family)
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
            self.skipped[reason] += rows

    def not_read(self, file: Path, why: UserError | str) -> None:
        """Name a file that holds no results that can be read, once."""
        reason = str(why).removeprefix(str(file)).lstrip(":, ")
        line = printable(f"{file}: {reason}")
        if line not in self.unread:
            self.unread.append(line)

    def complain(self, file: Path, what: str, advice: str, code: str = "not-read") -> None:
        """Warn of something in a file; the same in many files is one warning.

        ``what`` begins with the place in the file.
        """
        _, files = self._complaints.setdefault((code, what), (advice, Counter()))
        files[printable(file)] += 1

    def summary(self, why_unused: Callable[[Measurement], str | None]) -> SourceRead:
        """Return the outcome, with the most frequent reasons: some are words of the file.

        Rows for which there is a reason why the answer does not use them are left out, too.
        """
        unused = Counter(why for row in self.rows if (why := why_unused(row)) is not None)
        reasons = (self.skipped + unused).most_common()
        left_out = dict(reasons[:_MOST_REASONS])
        if others := sum(rows for _, rows in reasons[_MOST_REASONS:]):
            left_out["for other reasons"] = others
        return SourceRead(
            source=printable(self.source),
            formats=sorted(self.formats),
            files=self.files,
            rows=len(self.rows) - unused.total(),
            skipped=left_out,
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
                    message=line,
                    advice="the other files are read; repair it or move it away",
                )
                for line in self.unread
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


class Entry(NamedTuple):
    """A benchmark as its tool states it, of whose ``parameters`` some are its backend and size.

    ``title`` is what its tool calls it, in which parameters may stand, and ``name`` what is left of
    that without those stated; ``is_complete`` says that the title holds no more. ``telling`` are
    the parameters that may tell families apart, all without. Without a ``time`` its tool states
    none. ``fields`` are more of the row's.
    """

    family: str
    title: str
    time: StatedTime | None
    parameters: Mapping[str, Any] = {}
    name: str | None = None
    is_complete: bool = False
    telling: Mapping[str, Any] | None = None
    full_name: str = ""
    fields: Mapping[str, Any] = {}


class Facts(NamedTuple):
    """What the entries share that follow in a document, up to the next facts: they are one run."""

    machine: str = "unknown"
    when: str = ""
    environment: str | None = None
    commit: str | None = None
    committed: str | None = None


Found = Facts | Entry | Measurement
"""What a document holds; a row where it says itself which field is which."""


class JsonFormat(NamedTuple):
    """A tool whose results are JSON: what recognises an object, its type, and what is in it.

    The type holds what is read of it.
    """

    name: str
    recognises: Callable[[Mapping[str, Any]], bool]
    document: type[Struct]
    entries: Callable[[Any, Path, Reading], Iterable[Found]]

    def read(self, file: Path, content: object, reading: Reading) -> None:
        """Read a document; raises `UserError` naming the file and the field that is wrong."""
        document = converted(file, content, self.document, self.name)
        runs: list[Run] = [[]]
        origin = {"source": self.name, "file": printable(file)}
        shared = {**Facts()._asdict(), **origin}
        for entry in self.entries(document, file, reading):
            if isinstance(entry, Facts):
                runs.append([])
                shared = {**entry._asdict(), **origin}
            elif row := _row(entry, shared, file, reading):
                runs[-1].append(row)
        reading.add(file, self.name, *runs)


def _row(
    entry: Entry | Measurement, shared: Mapping[str, Any], file: Path, reading: Reading
) -> ForeignRow | None:
    """Return the row of a benchmark; None where it has none, which is noted."""
    if isinstance(entry, Measurement):
        return ForeignRow(row=entry) if reading.is_asked_for(entry.family) else None
    family, title = label(entry.family) or "benchmark", label(entry.title)
    full_name = label(entry.full_name)
    if not reading.is_asked_for(family, full_name):
        return None
    roles, parameters = reading.request.roles, entry.parameters
    if not entry.is_complete:
        parameters = roles.parameters_of(
            title, title if entry.name is None else label(entry.name), parameters
        )
        roles = roles.in_names()
        if set(parameters) <= {"name"} and not roles.names <= set(parameters):
            reading.leave_out(1, NO_SIZE_IN_NAME)
            return None
    if not reading.has_roles(roles, parameters):
        return None
    fields_and_others = roles.place(parameters, entry.telling)
    if fields_and_others is None:
        reading.leave_out(1, NO_SIZE)
        what = f"benchmark {title}, parameter {roles.size!r}: holds what is no size above 0; such "
        advice = f"name with {option('size')} the parameter that holds a number"
        reading.complain(file, f"{what}rows are left out", advice, "unusable-size")
        return None
    fields, others = fields_and_others
    if reading.request.ours:
        fields["problem"] = f"{family}:{fields['size']}"
    time = entry.time or {"status": "failed", "reason": f"no time in {shared['source']}"}
    row = Measurement(**{**shared, **fields, **time, **entry.fields}, family=family)
    return ForeignRow(row=row, name=full_name, others=others)
