"""Find crossovers in the results of other tools; nothing is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from perceptron.errors import UserError, unknown
from perceptron.numbers import count
from perceptron.questions.crossover.judge import Crossover, crossovers, is_line
from perceptron.records.comparison_key import ComparisonKey, comparison_key
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.records.readers.parameter_roles import roles_of
from perceptron.records.readers.reading import (
    NOT_ASKED_FOR,
    ReadRequest,
    SourceRead,
    is_case_of,
)
from perceptron.records.readers.sources import load_sources
from perceptron.records.readers.values import UnitName, revision
from perceptron.records.warning import MeasurementWarning
from perceptron.statistics.select import Definitions, by_family_and_key, has_time

_ALONE = "with nothing to be compared with"
# Commits that an error names.
_NAMED_COMMITS = 5
# Of all families together: more take minutes to judge.
_MOST_PAIRS = 20_000


def read_files(
    sources: Sequence[str],
    pairs: Sequence[str],
    families: Sequence[str],
    by: Sequence[str] = (),
    size: str | None = None,
    size_regex: str | None = None,
    unit: UnitName | None = None,
    commit: str | None = None,
) -> tuple[
    list[Measurement],
    tuple[tuple[str, str], ...],
    list[Crossover],
    list[SourceRead],
    list[MeasurementWarning],
]:
    """Return the rows, the pairs, their crossovers, the sources that were read, and warnings.

    ``pairs`` are written ``A:B``. ``by``, ``size`` and ``size_regex`` say where the backend and the
    size stand, ``unit`` is that of a table's times. ``commit`` is the beginning of a revision; by
    default the newest commit of each pair counts. Raises `UserError` for a source that cannot be
    read, for a family, commit or backend that is in none, and if nothing can be compared.
    """
    roles = roles_of(by, size, size_regex, "--size-regex")
    request = ReadRequest(roles=roles, families=tuple(families), samples="number", unit=unit)
    loaded = load_sources(sources, request)
    every = [row for source in loaded for row in source.rows]
    present = {row.family for row in every}
    wanted_families = {
        name
        for name in present
        if not families or any(is_case_of(name, wanted_family) for wanted_family in families)
    }
    for family in families:
        if not any(is_case_of(name, family) for name in present):
            readable = present.union(*(source.families for source in loaded))
            raise unknown("family", family, sorted(readable - {family}))
    of_families = [row for row in every if row.family in wanted_families]
    chosen = None if commit is None else _named(commit, of_families)
    rows = [row for row in of_families if chosen in (None, row.commit)]
    backends = list(dict.fromkeys(row.backend for row in rows))
    wanted = [split_pair(pair, backends) for pair in pairs]
    named = {backend for pair in wanted for backend in pair} or set(backends)
    # Pages judge every pair of these rows.
    rows = [row for row in rows if row.backend in named]
    _must_be_judged_in_time(rows)

    judged_pairs = crossovers(rows, wanted or None)
    if not judged_pairs:
        left_out = sum((Counter(source.skipped) for source in loaded), Counter())
        also = "".join(f"; {rows} rows left out: {reason}" for reason, rows in left_out.items())
        raise UserError(f"{', '.join(sources)}: nothing to compare: {_why_nothing(rows)}{also}")
    definitions = Definitions(rows)
    judged = _judged(judged_pairs)

    def why_unused(row: Measurement) -> str | None:
        if row.family not in wanted_families:
            return NOT_ASKED_FOR
        if chosen not in (None, row.commit):
            return "of another commit"
        if row.backend not in named:
            return "of a backend in no pair that was asked for"
        if definitions.instead(row) is not None:
            return "of another definition"
        if not has_time(row):
            return None  # the answer says why there is none
        is_judged = judged.get((row.family, comparison_key(row), row.backend))
        if is_judged is None:
            return "of a family or a backend in no pair"
        return None if is_judged else _ALONE

    warnings = [
        *(warning for source in loaded for warning in source.warnings),
        *definitions.warnings(),
    ]
    return (
        rows,
        tuple(wanted),
        judged_pairs,
        [source.summary(why_unused) for source in loaded],
        warnings,
    )


def _judged(crossovers: Iterable[Crossover]) -> dict[tuple[str, ComparisonKey, str], bool]:
    """Return whether any pair has a size of both, by family, comparison key and backend."""
    judged: dict[tuple[str, ComparisonKey, str], bool] = {}
    for crossover in crossovers:
        for backend in (crossover.incumbent, crossover.challenger):
            subject = (crossover.family, comparison_key(crossover), backend)
            judged[subject] = judged.get(subject, False) or bool(crossover.sizes_measured)
    return judged


def source_line(read: SourceRead) -> str:
    """Return one line on a source: its formats, number of files, rows read and rows left out."""
    formats = ", ".join(read.formats) or "nothing known"
    files = "file" if read.files == 1 else "files"
    left_out = "; ".join(f"{count(rows)} {reason}" for reason, rows in read.skipped.items())
    return (
        f"{read.source} ({formats}, {count(read.files)} {files}): {count(read.rows)} rows "
        "read" + (f"; left out: {left_out}" if left_out else "")
    )


def _must_be_judged_in_time(rows: Iterable[Measurement]) -> None:
    """Raise `UserError` where the rows have more than `_MOST_PAIRS` pairs of backends."""
    cases = by_family_and_key(list(rows))
    backends = [len({row.backend for row in members}) for members in cases.values()]
    pairs = sum(number * (number - 1) // 2 for number in backends)
    if pairs > _MOST_PAIRS:
        raise UserError(
            f"{pairs:,} pairs of backends are more than {_MOST_PAIRS:,}: choose pairs with "
            "--pair A:B, or families with --family"
        )


def _named(commit: str, rows: Iterable[Measurement]) -> str:
    """Return the only commit that begins with ``commit``; raise `UserError` if it is not unique.

    Rows keep the first digits, and append "-dirty" if files had changed; the digits alone name the
    clean commit.
    """
    commits = {row.commit for row in rows if row.commit is not None}
    begins = revision(commit) or ""
    for exact in (commit, begins):
        if exact in commits:
            return exact
    matching = [name for name in commits if name.startswith(begins)]
    if commit and len(matching) == 1:
        return matching[0]
    named = ", ".join(sorted(matching or commits)[:_NAMED_COMMITS]) or "none"
    raise UserError(
        f"--commit {commit!r} fits {len(matching)} commits: give the first digits of one; "
        f"these sources have {named}"
    )


def _why_nothing(rows: Iterable[Measurement]) -> str:
    rows = list(rows)
    if len({row.backend for row in rows}) < 2:
        return "there is one backend only"
    if not any(map(is_line, grouped(rows, lambda row: row.family).values())):
        return "no family has several sizes"
    return (
        "no two backends were measured at several sizes of one case, on one machine, in one dtype, "
        "with one number of threads and one way to train"
    )


def split_pair(
    text: str, names: Sequence[str], is_known: Callable[[str], bool] | None = None
) -> tuple[str, str]:
    """Split ``A:B`` at the one colon with a name on each side; raise `UserError` otherwise.

    ``is_known`` accepts names beside those in ``names``.
    """

    def is_name(word: str) -> bool:
        return word in names or (is_known is not None and is_known(word))

    parts = text.split(":")
    cuts = [(":".join(parts[:cut]), ":".join(parts[cut:])) for cut in range(1, len(parts))]
    readings = [cut for cut in cuts if all(map(is_name, cut)) and cut[0] != cut[1]]
    if len(readings) == 1:
        return readings[0]
    unknown_name = next((name for cut in cuts[:1] for name in cut if not is_name(name)), None)
    if unknown_name is not None:
        raise unknown("backend in --pair", unknown_name, names)
    raise UserError(f"--pair takes INCUMBENT:CHALLENGER, such as numpy:torch-cpu; got {text!r}")
