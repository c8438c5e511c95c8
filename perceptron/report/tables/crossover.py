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
from perceptron.report.dashboard.section import PageTable, Picture, Section, write_figures
from perceptron.report.numbers import duration_interval, missing, sentence
from perceptron.report.tables import what_if

CROSSOVER_COLUMNS = ("family", "incumbent → challenger", "ground", "status", "answer")
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


def crossover_cells(found: Iterable[Crossover]) -> list[tuple[str, ...]]:
    """A line for each pair that was measured."""
    return [
        (
            each.family,
            f"{each.incumbent} → {each.challenger}",
            place(each),
            status(each),
            sentence(each) + (f" ({each.reason})" if each.reason else ""),
        )
        for each in found
        if each.status != "not measured"
    ]


def status(found: Crossover) -> str:
    """The status, and whether it is to be trusted."""
    return f"{found.status}, not sure" if found.unsure else found.status


def place(found: Crossover) -> str:
    """Where and how it was measured, as far as that is known."""
    threads = None if found.threads is None else f"{found.threads} threads"
    machine = None if found.machine == "unknown" else found.machine
    return ", ".join(filter(None, (machine, found.dtype, threads))) or "–"


def amortisation_cells(found: Sequence[Amortisation]) -> list[tuple[str, ...]]:
    """A line for some sizes of each pair, evenly spread, the first and the last among them."""
    pairs: dict[tuple[object, ...], list[Amortisation]] = {}
    for each in found:
        key = (
            each.family,
            each.machine,
            each.dtype,
            each.threads,
            *sorted((each.faster, each.slower)),
        )
        pairs.setdefault(key, []).append(each)
    return [_cells(each) for members in pairs.values() for each in _some(members)]


def _some(members: list[Amortisation]) -> list[Amortisation]:
    count = min(_SIZES, len(members))
    places = {round(step * (len(members) - 1) / max(1, count - 1)) for step in range(count)}
    return [members[place] for place in sorted(places)]


def _cells(each: Amortisation) -> tuple[str, ...]:
    spans = (each.faster_seconds, each.faster_prepare, each.slower_seconds, each.slower_prepare)
    fast, fast_prepare, slow, slow_prepare = (
        duration_interval(span.estimate, span.low, span.high) for span in spans
    )
    high = "…" if each.high is None else f"{each.high:,}"
    ahead = "1" if each.high == 1 else f"{each.iterations:,} [{each.low:,}, {high}]"
    return (
        each.family,
        f"{each.size:,}",
        each.faster,
        fast,
        fast_prepare,
        each.slower,
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
    from perceptron.report.charts.svg import family_axis  # the tables need no matplotlib

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
    from perceptron.report.charts.svg import sweep_chart

    lines = {each.challenger: each.estimates for each in guessed if each.family == found[0].family}
    where = place(found[0])
    where = "" if where == "–" else f"{where}. "
    return Picture(
        sweep_chart(rows, found, axis, list(lines.values())),
        f"{where}Time of each backend over {axis}; the table below says who wins where",
        f"{where}Lower is faster. Bands are 95 % intervals, where there are several processes.",
    )


def _ratio(rows: Sequence[Measurement], found: Crossover, axis: str) -> Picture:
    from perceptron.report.charts.ratio import ratio_chart

    return Picture(
        ratio_chart(rows, found, axis),
        f"Time of {found.challenger} over {found.incumbent} at each {axis}; {sentence(found)}",
        "Bars are 95 % intervals; the grey stripe is ±5 %, a shaded stretch the interval of the "
        "crossover, a hatched one a stretch where the winner is not sure.",
    )
