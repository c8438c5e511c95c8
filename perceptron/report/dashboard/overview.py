"""The first page: what was found, in pictures and a few numbers, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.collection import Collection
from perceptron.analysis.stored.finding import FindingRow
from perceptron.analysis.stored.sweep import Curve, Sweep
from perceptron.report import numbers
from perceptron.report.charts.palette import Stroke
from perceptron.report.charts.phase_map import map_chart
from perceptron.report.charts.style import themed
from perceptron.report.charts.svg import family_axis, family_chart, finding_chart
from perceptron.report.dashboard.names import machine_name, state_name
from perceptron.report.dashboard.sweeps import SWITCHES, sweep_place
from perceptron.report.dashboard.view import link
from perceptron.report.tables.crossover import CROSSOVER_COLUMNS, crossover_cells
from perceptron.report.tables.crossover_words import missing, sentence
from perceptron.report.tables.finding import FINDING_COLUMNS, finding_cells, finding_sentence
from perceptron.report.tables.one_size import COLUMNS, single_cells
from perceptron.untrusted_text import shortened

# The family that the page pictures, if it was measured.
PICTURED = "mlp-width"
WINNER_COLUMNS = ("family", "smallest size", "fastest there", "largest size", "fastest there")


def overview(found: Collection, looks: Mapping[str, Stroke], asv: str | None) -> dict[str, Any]:
    """What the template of the page shows; ``asv`` says why asv's pages are not there."""
    bench = found.benches[0] if found.benches else None
    sweeps = _sweeps(found, bench)
    return {
        "bench": bench,
        "machine": None if bench is None else machine_name(bench.machine, "perceptron"),
        "asv": asv,
        "cards": _cards(found, bench),
        "finding": None if bench is None else _finding(bench, looks),
        "winners": [_winners(sweep) for sweep in _newest(sweeps)],
        "winner_columns": WINNER_COLUMNS,
        "single_columns": COLUMNS,
        "singles": []
        if bench is None
        else [[shortened(cell, 400) for cell in cells] for cells in single_cells(bench.rows)],
        "crossovers": [
            [shortened(cell, 400) for cell in cells]
            for cells in crossover_cells([] if bench is None else bench.crossovers)
        ],
        "crossover_columns": CROSSOVER_COLUMNS,
        "missing": [] if bench is None else missing(bench.crossovers),
        "sweep": None if bench is None else _sweep(bench, sweeps, looks),
        "map": _map(found, bench),
        "trust": _trust(found, bench),
        "warnings": [] if bench is None else bench.warnings,
        "others": [_other(each) for each in found.benches[1:]],
        "complaints": len(found.complaints),
        "rows": len(found.rows),
        "machines": len(found.machines),
    }


def _picture(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704  our own drawing, whose texts matplotlib has escaped


def _finding(bench: BenchResult, looks: Mapping[str, Stroke]) -> dict[str, Any]:
    return {
        "sentence": finding_sentence(bench.finding),
        "chart": _picture(themed(finding_chart(bench.finding), looks)),
        "columns": FINDING_COLUMNS,
        "rows": [[shortened(cell, 400) for cell in finding_cells(row)] for row in bench.finding],
    }


def _sweep(
    bench: BenchResult, sweeps: list[Sweep], looks: Mapping[str, Stroke]
) -> dict[str, Any] | None:
    families = list(dict.fromkeys(found.family for found in bench.crossovers))
    family = PICTURED if PICTURED in families else next(iter(families), None)
    chart = family_chart(bench, family) if family is not None else ""
    if family is None or not chart:
        return None
    told = [
        f"{each.incumbent} to {each.challenger}: {sentence(each)}"
        for each in bench.crossovers
        if each.family == family and each.status != "not measured"
    ]
    return {
        "family": shortened(family),
        "axis": family_axis(family),
        "chart": _picture(themed(chart, looks)),
        "alt": shortened("; ".join(told), 600),
        "link": _link(bench, family, sweeps),
    }


def _link(bench: BenchResult, family: str, sweeps: list[Sweep]) -> str:
    """To the sweep that is pictured: of the run's own commit and its fewest threads."""
    own = [each for each in sweeps if each.family == family]
    same = [each for each in own if each.commit == bench.rows[0].commit]
    for each in sorted(same or own, key=lambda each: each.threads != bench.threads[0]):
        return link("sweeps", SWITCHES, sweep_place(each))
    return link("sweeps", SWITCHES, (family,))


def _map(found: Collection, bench: BenchResult | None) -> dict[str, Any] | None:
    own = [each for each in found.maps if bench is None or each.machine == bench.machine]
    for each in [*own, *found.maps]:
        return {
            "summary": each.map.summary,
            "chart": _picture(map_chart(each.map)),
            "machine": shortened(each.machine),
            "when": each.rows[0].when[:10],
        }
    return None


def _sweeps(found: Collection, bench: BenchResult | None) -> list[Sweep]:
    """The sweeps of the machine that the page is about, the newest first."""
    return [
        sweep
        for sweep in found.sweeps
        if bench is not None and sweep.machine == bench.machine and sweep.source == "perceptron"
    ]


def _newest(sweeps: list[Sweep]) -> list[Sweep]:
    """The newest of each family."""
    newest: dict[str, Sweep] = {}
    for sweep in sweeps:
        newest.setdefault(sweep.family, sweep)
    return [newest[family] for family in sorted(newest)]


def _winners(sweep: Sweep) -> tuple[str, ...]:
    sizes = sorted({spot.size for curve in sweep.curves for spot in curve.spots})
    if not sizes:
        return (shortened(sweep.family), "–", "nothing measured", "–", "nothing measured")
    axis = family_axis(sweep.family)
    ends = [
        cell
        for size in (sizes[0], sizes[-1])
        for cell in (f"{axis} {size:,}", _fastest(sweep.curves, size))
    ]
    return (shortened(sweep.family), *ends)


def _fastest(curves: list[Curve], size: float) -> str:
    """The fastest at a size with its time, and the next."""
    here = sorted(
        (
            (spot.value.estimate, curve.backend, spot.value)
            for curve in curves
            for spot in curve.spots
            if spot.size == size
        ),
        key=lambda each: each[:2],
    )
    told = [
        f"{shortened(name)} {numbers.duration_interval(value.estimate, value.low, value.high)}"
        for _, name, value in here[:2]
    ]
    return " before ".join(told)


def _cards(found: Collection, bench: BenchResult | None) -> list[dict[str, str]]:
    """The answers in a few words: a large number, and what it is."""
    if bench is None:
        return []
    cards = [_finding_card(bench.finding), *_crossing_cards(bench.crossovers)]
    return [card for card in cards if card is not None]


def _finding_card(rows: list[FindingRow]) -> dict[str, str] | None:
    measured = [row for row in rows if row.ratio_to_published is not None]
    if len(measured) < 2:
        return None
    slowest = max(measured, key=lambda row: row.ratio_to_published or 0.0)
    ratio = numbers.interval(
        slowest.ratio_to_published or 0.0, slowest.published_low, slowest.published_high
    )
    return {
        "number": f"{numbers.digits(slowest.ratio_to_published or 0.0)} ×",
        "what": f"{shortened(slowest.backend)} takes {ratio} times as long as the walk-through's "
        "NumPy for 10,000 iterations on the OR gate",
    }


def _crossing_cards(crossovers: list[Crossover]) -> list[dict[str, str]]:
    return [
        {
            "number": numbers.digits(each.size),
            "what": f"{shortened(each.family)}: {shortened(sentence(each), 200)}",
        }
        for each in crossovers
        if each.size is not None and each.status in ("crosses", "reverses")
    ][:3]


def _trust(found: Collection, bench: BenchResult | None) -> list[str]:
    """How far the numbers can be trusted, in sentences."""
    if bench is None:
        return []
    failed = sum(row.status == "failed" for row in bench.rows)
    judged = [each for each in bench.crossovers if each.status not in ("not measured", "suspect")]
    sure = sum(each.sure for each in judged)
    count = len(bench.warnings)
    processes = max((row.processes for row in bench.finding), default=0)
    return [
        f"Every number comes from {processes} fresh processes; its interval holds at 95 %.",
        f"Backends had to agree with float64 NumPy before they were timed: {failed} of "
        f"{len(bench.rows):,} measurements failed.",
        f"{sure} of {len(judged)} answers about crossovers hold at 95 % over the whole range of "
        "sizes; the others say where they are not sure.",
        f"{count} {'warning' if count == 1 else 'warnings'} about the machine when the run began."
        if count
        else "No warning about the machine when the run began.",
    ]


def _other(bench: BenchResult) -> tuple[str, ...]:
    """Another machine in a line."""
    found = {row.backend: row for row in bench.finding}
    cells = []
    for name in ("numpy", "torch-cpu", "torch-cuda"):
        row = found.get(name)
        if row is None or row.seconds is None:
            cells.append("not measured")
        else:
            cells.append(numbers.duration_interval(row.seconds, row.low, row.high))
    first = bench.rows[0]
    return (
        shortened(machine_name(bench.machine, "perceptron")),
        shortened(bench.environment.cpu),
        shortened(state_name(first.commit, first.when)),
        *cells,
    )
