"""Crossovers as tables, for the terminal and the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from perceptron.analysis.contention import Contention, by_key, with_contended
from perceptron.analysis.crossover.amortise import Amortisation
from perceptron.analysis.crossover.comparable import described
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.crossover.use import SourceUse
from perceptron.numbers import count, duration_interval
from perceptron.records.ground import ground
from perceptron.records.measurement import Measurement
from perceptron.report.crossover_words import (
    answer,
    is_measured,
    missing,
    setting,
    setting_and_state,
    shared_state,
    status,
)
from perceptron.report.tables import throughput, what_if
from perceptron.report.tables.terminal import out, table

TITLE = "Who is faster, by size [95 % interval of the crossover]"
CROSSOVER_COLUMNS = ("family", "incumbent → challenger", "ground", "status", "answer")
PAIR_COLUMNS = ("family", "incumbent → challenger", "threads in all>", "status", "answer")
AMORTISATION_COLUMNS = (
    "family",
    "size>",
    "faster",
    "per iteration",
    "to prepare",
    "slower",
    "per iteration",
    "to prepare",
    "ahead from iteration>",
)
# Sizes that a table of amortisations shows of each pair.
_SIZES = 7


def show(result: CrossoverResult) -> None:
    """Print crossovers, resident and from cold, and when the faster one has paid for its start."""
    shared = shared_state(result.crossovers)
    columns, resident = crossover_table(
        result.crossovers,
        result.rows,
        lambda crossover: setting_and_state(crossover, shared),
    )
    if resident:
        table(TITLE, columns, resident)
    throughput.show(result.rows)
    cold = crossover_cells(result.from_cold)
    if cold:
        table(
            f"From cold: with preparing, over a training of {count(result.iterations)} iterations",
            CROSSOVER_COLUMNS,
            cold,
        )
    if result.amortisations:
        table(
            "When the faster one has paid for its start",
            AMORTISATION_COLUMNS,
            amortisation_cells(result.amortisations),
        )
    show_missing(result.crossovers)
    if shared is not None:
        out.print(f"of:    {described(shared)}", markup=False, soft_wrap=True)
    for use in result.sources:
        out.print(source_line(use), markup=False, soft_wrap=True)
    what_if.show(result.what_if, result.checks)


def source_line(use: SourceUse) -> str:
    """Return what became of the rows of a source, in one line."""
    formats = ", ".join(use.formats) or "nothing known"
    files = "file" if use.files == 1 else "files"
    left_out = "; ".join(f"{count(part.rows)} {part.reason}" for part in use.left_out)
    return (
        f"from:  {use.source} ({formats}, {count(use.files)} {files}): {count(use.read)} rows "
        f"read, {count(use.used)} used"
        + (f", {count(use.joined)} joined into these" if use.joined else "")
        + (f"; left out: {left_out}" if left_out else "")
    )


def show_pairs(crossovers: Sequence[Crossover], measured: Sequence[Measurement] = ()) -> None:
    """Print who is faster where, one line for each family and pair that was measured.

    ``measured`` are the rows behind it, of which some may have been contended.
    """
    cells = [
        (
            crossover.family,
            f"{crossover.incumbent} → {crossover.challenger}",
            str(crossover.threads),
            status(crossover),
            answer(crossover),
        )
        for crossover in crossovers
        if is_measured(crossover)
    ]
    if cells:
        table(TITLE, *with_contended(PAIR_COLUMNS, cells, _contentions(crossovers, measured)))
    throughput.show(measured)
    show_missing(crossovers)


def show_missing(crossovers: Iterable[Crossover]) -> None:
    """Print why pairs were not measured."""
    for reason in missing(crossovers):
        out.print(f"not measured: {reason}\n", markup=False)


def crossover_table(
    crossovers: Sequence[Crossover],
    measured: Iterable[Measurement],
    where: Callable[[Crossover], str] = setting,
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headings and `crossover_cells`, and how far the rows ``measured`` were contended."""
    cells = crossover_cells(crossovers, where)
    return with_contended(CROSSOVER_COLUMNS, cells, _contentions(crossovers, measured))


def _contentions(
    crossovers: Iterable[Crossover], measured: Iterable[Measurement]
) -> list[Contention]:
    """Return how far both backends of each pair that was measured were contended."""
    known = by_key(measured, lambda row: (row.family, ground(row), row.backend))
    nothing = Contention()
    return [
        known.get((crossover.family, ground(crossover), crossover.incumbent), nothing)
        + known.get((crossover.family, ground(crossover), crossover.challenger), nothing)
        for crossover in crossovers
        if is_measured(crossover)
    ]


def crossover_cells(
    crossovers: Iterable[Crossover], where: Callable[[Crossover], str] = setting
) -> list[tuple[str, ...]]:
    """Return a row of text for each pair that was measured; ``where`` says where and how."""
    return [
        (
            crossover.family,
            f"{crossover.incumbent} → {crossover.challenger}",
            where(crossover),
            status(crossover),
            answer(crossover),
        )
        for crossover in crossovers
        if is_measured(crossover)
    ]


def amortisation_cells(amortisations: Sequence[Amortisation]) -> list[tuple[str, ...]]:
    """Return a row for some sizes of each pair, evenly spread, the outermost among them."""
    pairs: dict[tuple[object, ...], list[Amortisation]] = {}
    for amortisation in amortisations:
        key = (
            amortisation.family,
            ground(amortisation),
            *sorted((amortisation.faster, amortisation.slower)),
        )
        pairs.setdefault(key, []).append(amortisation)
    return [_cells(amortisation) for members in pairs.values() for amortisation in _some(members)]


def _some(members: list[Amortisation]) -> list[Amortisation]:
    number = min(_SIZES, len(members))
    indices = {round(step * (len(members) - 1) / max(1, number - 1)) for step in range(number)}
    return [members[index] for index in sorted(indices)]


def _cells(amortisation: Amortisation) -> tuple[str, ...]:
    fast, fast_prepare, slow, slow_prepare = (
        duration_interval(seconds.estimate, seconds.low, seconds.high)
        for seconds in (
            amortisation.faster_seconds,
            amortisation.faster_prepare,
            amortisation.slower_seconds,
            amortisation.slower_prepare,
        )
    )
    low = count(amortisation.low)
    high = "…" if amortisation.high is None else count(amortisation.high)
    ahead = "1" if amortisation.high == 1 else f"{count(amortisation.iterations)} [{low}, {high}]"
    return (
        amortisation.family,
        count(amortisation.size),
        amortisation.faster + ("" if amortisation.high else ", undecided"),
        fast,
        fast_prepare,
        amortisation.slower,
        slow,
        slow_prepare,
        ahead,
    )
