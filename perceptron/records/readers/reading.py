"""What is asked of a reader, the rows it returns, and the reasons why it skips others."""

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

# Reasons for skipping rows, in one wording for all readers.
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
    """A row of a source.

    Until `naming` has seen all rows, ``family`` is the short name of the row's benchmark. ``name``
    is its full name and ``others`` are the parameters except backend and size. Both are empty for
    rows that the suite itself measured: their family is final.
    """

    row: Measurement
    name: str = ""
    others: Mapping[str, str] = {}


Run = list[ForeignRow]
"""Rows of one run; those with the same ``repeat`` were measured side by side."""


class ReadRequest(Struct, frozen=True, kw_only=True):
    """The content of the sources to read.

    ``families`` names the families to read; empty means all. ``ours`` says that asv's results are
    of this suite's own benchmarks. ``samples`` is how the samples of our own rows are returned:
    as lists, as arrays, or as the smallest value repeated ("number"). ``separator`` separates the
    fields of CSV tables (None: detect it), and ``unit`` is the unit of their times (None: seconds).
    """

    roles: ParameterRoles = ParameterRoles()
    families: tuple[str, ...] = ()
    ours: bool = False
    samples: Literal["lists", "arrays", "number"] = "lists"
    separator: str | None = None
    unit: UnitName | None = None


def is_case_of(family: str, benchmark: str) -> bool:
    """Return whether a family is a benchmark, with or without parameters in brackets."""
    return family == benchmark or family.startswith(f"{benchmark}[")


class SourceRead(Struct, frozen=True, kw_only=True):
    """A source that was read; ``left_out`` is the number of skipped rows for each reason."""

    source: str
    formats: list[str]
    files: int
    rows: int
    skipped: dict[str, int] = field(name="left_out")


class Reading:
    """The content of a source: its runs, and the reasons why other content was skipped.

    ``rows`` are the rows of the ``runs``, set once all sources are named and numbered together.
    ``skipped`` counts the skipped rows by reason. ``families`` are the names of all families seen,
    and ``unused`` the parameters of benchmarks that lack the requested ones. ``files`` is the
    number of files read, ``unread`` has a line for each that cannot be read. ``seen`` holds the
    digests of the files read, shared by all sources.
    """

    def __init__(
        self, request: ReadRequest, source: str = "", seen: set[bytes] | None = None
    ) -> None:
        self.request = request
        self.source = source
        self.runs: list[Run] = []
        self.rows: list[Measurement] = []
        self.folders: list[Path | None] = []
        """The folder of each run; None for a run of another tool."""
        self.run_rows: list[int] = []
        """The number of ``rows`` of each run, in the order of the runs."""
        self.formats: set[str] = set()
        self.files = 0
        self.has_repeats = False
        self.has_named_columns = False
        """Whether a table has the requested columns."""
        self.skipped: Counter[str] = Counter()
        self.unread: list[str] = []
        self.unused: set[str] = set()
        self.families: set[str] = set()
        self.with_races: set[Path] = set()
        """Our files that hold races, with or without other rows."""
        self.asv_lists: dict[Path, dict[str, Any]] = {}
        """The benchmarks that asv lists in a file."""
        self.seen = set() if seen is None else seen
        self._warnings_by_fault: dict[tuple[str, str], tuple[str, Counter[str]]] = {}

    def add(self, file: Path, tool: str, *runs: Run) -> None:
        """Add the runs of a file, without rows of impossible values."""
        self.formats.add(tool)
        self.files += 1
        # Our own lines were checked while read: their errors name the line.
        is_perceptron = tool == "perceptron"
        self.runs += runs if is_perceptron else [self._possible(file, run) for run in runs]
        is_run = is_perceptron and file.name == ROWS
        self.folders += [file.parent if is_run else None] * len(runs)

    def _possible(self, file: Path, run: Run) -> Run:
        possible, zeros, details = [], 0, []
        for foreign in run:
            cause = impossible(foreign.row)
            if cause is None:
                possible.append(foreign)
            elif foreign.row.seconds == 0:
                zeros += 1
            else:
                details.append(f"{foreign.row.backend} at {foreign.row.size}: {cause}")
        for rows, reason in ((zeros, BELOW_RESOLUTION), (len(details), IMPOSSIBLE)):
            self.skip(rows, reason)
            if rows:
                example = f", as of {details[0]}" if reason == IMPOSSIBLE else ""
                fault = f"{rows:,} {'row' if rows == 1 else 'rows'} {reason}{example}"
                self.report_error(file, fault, "such rows are left out", "impossible")
        return possible

    def includes(self, family: str, full_name: str = "", rows: int = 1) -> bool:
        """Record a benchmark's family; return whether the request includes it.

        A requested family may have parameters in brackets after the name. The ``rows`` of other
        families are counted as skipped.
        """
        self.families.add(family)
        requested = self.request.families
        if not requested or any(
            is_case_of(choice, name)
            for choice in requested
            for name in (family, full_name or family)
        ):
            return True
        self.skip(rows, NOT_ASKED_FOR)
        return False

    def has_roles(self, roles: ParameterRoles, parameters: Iterable[str], rows: int = 1) -> bool:
        """Return whether a benchmark has the requested parameters; record its own if not."""
        if roles.names.issubset(parameters):
            return True
        self.unused.update(parameters)
        self.skip(rows, NO_SUCH_PARAMETERS)
        return False

    def skip(self, rows: int, reason: str) -> None:
        """Count skipped rows of the source under the ``reason``."""
        if rows:
            self.skipped[reason] += rows

    def add_unread(self, file: Path, error: UserError | str) -> None:
        """Record a file that cannot be read, once."""
        reason = str(error).removeprefix(str(file)).lstrip(":, ")
        line = printable(f"{file}: {reason}")
        if line not in self.unread:
            self.unread.append(line)

    def report_error(self, file: Path, fault: str, advice: str, code: str = "not-read") -> None:
        """Add a warning about a file; the same warning for many files is given once.

        ``fault`` begins with the position in the file.
        """
        _, files = self._warnings_by_fault.setdefault((code, fault), (advice, Counter()))
        files[printable(file)] += 1

    def summary(self, why_unused: Callable[[Measurement], str | None]) -> SourceRead:
        """Return how many rows were used and skipped, with the most frequent reasons.

        ``why_unused`` gives the reason why the answer does not use a row, or None; such rows count
        as skipped, too.
        """
        unused = Counter(why for row in self.rows if (why := why_unused(row)) is not None)
        reasons = (self.skipped + unused).most_common()
        skipped = dict(reasons[:_MOST_REASONS])
        if other_rows := sum(rows for _, rows in reasons[_MOST_REASONS:]):
            skipped["for other reasons"] = other_rows
        return SourceRead(
            source=printable(self.source),
            formats=sorted(self.formats),
            files=self.files,
            rows=len(self.rows) - unused.total(),
            skipped=skipped,
        )

    @property
    def warnings(self) -> list[MeasurementWarning]:
        """The warnings about the content of files, then one for each file that is not read."""
        return [
            *(
                MeasurementWarning(code=code, message=_shortened(fault, files), advice=advice)
                for (code, fault), (advice, files) in self._warnings_by_fault.items()
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


def _shortened(fault: str, files: Iterable[str]) -> str:
    first, *others = files
    more = f" (and {len(others)} more files)" if others else ""
    message = f"{first}, {fault}{more}"
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"


def converted(file: Path, content: object, kind: type[Kind], tool: str) -> Kind:
    """Convert a document to ``kind``; raises `UserError` naming the file and the wrong field."""
    try:
        return msgspec.convert(content, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UserError(f"{file}: not what {tool} writes: {error}") from None


class Entry(NamedTuple):
    """A benchmark as its tool states it; some of its ``parameters`` are the backend and the size.

    ``title`` is the tool's name of the benchmark, which may contain parameters, and ``name`` the
    title without the parameters stated. ``is_complete`` says that the title holds no others.
    ``telling`` are the parameters that may distinguish families (None: all of them). ``time`` is
    None if the tool states none. ``fields`` are further fields of the row.
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
    """Facts shared by the entries that follow in a document; each `Facts` begins a new run."""

    machine: str = "unknown"
    when: str = ""
    environment: str | None = None
    commit: str | None = None
    committed: str | None = None


Found = Facts | Entry | Measurement
"""An item of a document; a `Measurement` where the document names the fields of the row itself."""


class JsonFormat(NamedTuple):
    """A tool whose results are JSON.

    ``recognises`` returns whether an object is of this tool, ``document`` is the type of its parts
    that are read, and ``entries`` yields its items.
    """

    name: str
    recognises: Callable[[Mapping[str, Any]], bool]
    document: type[Struct]
    entries: Callable[[Any, Path, Reading], Iterable[Found]]

    def read(self, file: Path, content: object, reading: Reading) -> None:
        """Add a document's rows to ``reading``; raises `UserError` naming the file and field."""
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
    """Return the row of a benchmark, or None and count it as skipped."""
    if isinstance(entry, Measurement):
        return ForeignRow(row=entry) if reading.includes(entry.family) else None
    family, title = label(entry.family) or "benchmark", label(entry.title)
    full_name = label(entry.full_name)
    if not reading.includes(family, full_name):
        return None
    roles, parameters = reading.request.roles, entry.parameters
    if not entry.is_complete:
        parameters = roles.parameters_of(
            title, title if entry.name is None else label(entry.name), parameters
        )
        roles = roles.in_names()
        if set(parameters) <= {"name"} and not roles.names <= set(parameters):
            reading.skip(1, NO_SIZE_IN_NAME)
            return None
    if not reading.has_roles(roles, parameters):
        return None
    fields_and_others = roles.place(parameters, entry.telling)
    if fields_and_others is None:
        reading.skip(1, NO_SIZE)
        fault = f"benchmark {title}, parameter {roles.size!r}: holds what is no size above 0; such "
        advice = f"name with {option('size')} the parameter that holds a number"
        reading.report_error(file, f"{fault}rows are left out", advice, "unusable-size")
        return None
    fields, others = fields_and_others
    if reading.request.ours:
        fields["problem"] = f"{family}:{fields['size']}"
    time = entry.time or {"status": "failed", "reason": f"no time in {shared['source']}"}
    row = Measurement(**{**shared, **fields, **time, **entry.fields}, family=family)
    return ForeignRow(row=row, name=full_name, others=others)
