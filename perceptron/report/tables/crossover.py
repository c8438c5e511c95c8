"""Crossovers as a page of figures, and as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from perceptron.analysis.crossover.amortise import Amortisation
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.select import current, ground
from perceptron.analysis.what_if.estimate import WhatIf
from perceptron.records.measurement import Measurement
from perceptron.report.charts.ratio import ratio_chart
from perceptron.report.charts.svg import family_axis, sweep_chart
from perceptron.report.dashboard.section import PageTable, Picture, Section, write_figures
from perceptron.report.numbers import count, duration_interval
from perceptron.report.tables import what_if
from perceptron.report.tables.crossover_words import answer, missing, place, sentence, status
from perceptron.report.tables.terminal import out, table

TITLE = "Who is faster, by size [95 % interval of the crossover]"
CROSSOVER_COLUMNS = ("family", "incumbent → challenger", "ground", "status", "answer")
PAIR_COLUMNS = ("family", "incumbent → challenger", "threads>", "status", "answer")
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
    resident = crossover_cells(result.crossovers)
    if resident:
        table(TITLE, CROSSOVER_COLUMNS, resident)
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
    what_if.show(result.what_if, result.checks)


def show_pairs(crossovers: Sequence[Crossover]) -> None:
    """Print who is faster where, one line for each family and pair that was measured."""
    rows = [
        (
            crossover.family,
            f"{crossover.incumbent} → {crossover.challenger}",
            str(crossover.threads),
            status(crossover),
            answer(crossover),
        )
        for crossover in crossovers
        if crossover.status != "not measured"
    ]
    if rows:
        table(TITLE, PAIR_COLUMNS, rows)
    show_missing(crossovers)


def show_missing(crossovers: Iterable[Crossover]) -> None:
    """Print why pairs were not measured."""
    for reason in missing(crossovers):
        out.print(f"not measured: {reason}\n", markup=False)


def crossover_cells(crossovers: Iterable[Crossover]) -> list[tuple[str, ...]]:
    """Return a row of text for each pair that was measured."""
    return [
        (
            crossover.family,
            f"{crossover.incumbent} → {crossover.challenger}",
            place(crossover),
            status(crossover),
            answer(crossover),
        )
        for crossover in crossovers
        if crossover.status != "not measured"
    ]


def amortisation_cells(amortisations: Sequence[Amortisation]) -> list[tuple[str, ...]]:
    """Return a row for some sizes of each pair, evenly spread, the outermost among them."""
    pairs: dict[tuple[object, ...], list[Amortisation]] = {}
    for amortisation in amortisations:
        key = (
            amortisation.family,
            amortisation.machine,
            amortisation.dtype,
            amortisation.threads,
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
        amortisation.faster,
        fast,
        fast_prepare,
        amortisation.slower,
        slow,
        slow_prepare,
        ahead,
    )


def write_crossovers(page: Path, found: CrossoverResult) -> Path:
    """Write the page: for each family the times, then each pair's ratio, then the start's price."""
    sections = [_section(found, family) for family in _families(found)]
    not_measured = missing(found.crossovers)
    if not_measured:
        lines = tuple(f"{reason}." for reason in not_measured)
        sections.append(Section("Not measured", lines=lines))
    facts = found.environment
    lead = "Read from files." if facts is None else f"{facts.cpu}, {facts.cores} cores."
    return write_figures(
        page, "From which size on does that change?", lead, sections, found.warnings
    )


def _families(found: CrossoverResult) -> list[str]:
    measured = (each for each in found.crossovers if each.status != "not measured")
    return list(dict.fromkeys(each.family for each in measured))


def _section(found: CrossoverResult, family: str) -> Section:
    crossovers = [
        each for each in found.crossovers if each.family == family and each.status != "not measured"
    ]
    axis = family_axis(family)
    pictures = []
    for where in dict.fromkeys((each.machine, each.dtype, each.threads) for each in crossovers):
        rows = current(row for row in found.rows if row.family == family and ground(row) == where)
        here = [each for each in crossovers if (each.machine, each.dtype, each.threads) == where]
        pictures.append(_sweep(rows, here, axis, found.what_if))
        pictures += [_ratio(rows, each, axis) for each in here]
    started = [each for each in found.amortisations if each.family == family]
    tables = [
        PageTable(
            CROSSOVER_COLUMNS, crossover_cells(crossovers), "Resident: data and model lie ready"
        )
    ]
    cold = [
        each for each in found.from_cold if each.family == family and each.status != "not measured"
    ]
    if cold:
        title = f"From cold: with preparing, over a training of {found.iterations:,} iterations"
        tables.append(PageTable(CROSSOVER_COLUMNS, crossover_cells(cold), title))
    guessed = [each for each in found.what_if if each.family == family]
    if guessed:
        tables.append(PageTable(what_if.COLUMNS, what_if.cells(guessed), what_if.TITLE))
    if started:
        title = "When the faster one has paid for its start"
        tables.append(PageTable(AMORTISATION_COLUMNS, amortisation_cells(started), title))
    return Section(family, figures=pictures, tables=tables)


def _sweep(
    rows: Sequence[Measurement], found: Sequence[Crossover], axis: str, guessed: Sequence[WhatIf]
) -> Picture:
    lines = {each.challenger: each.estimates for each in guessed if each.family == found[0].family}
    where = place(found[0])
    where = "" if where == "–" else f"{where}. "
    return Picture(
        sweep_chart(rows, found, axis, list(lines.values())),
        f"{where}Time of each backend over {axis}; the table below says who wins where",
        f"{where}Lower is faster. Bands are 95 % intervals, where there are several processes.",
    )


def _ratio(rows: Sequence[Measurement], found: Crossover, axis: str) -> Picture:
    return Picture(
        ratio_chart(rows, found, axis),
        f"Time of {found.challenger} over {found.incumbent} at each {axis}; {sentence(found)}",
        "Bars are 95 % intervals; the grey stripe is ±5 %, a shaded stretch the interval of the "
        "crossover, a hatched one a stretch where the winner is not sure.",
    )
