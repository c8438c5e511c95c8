"""The first page: what was found, in pictures and a few numbers, and how far to trust it.

Each kind of hardware has a block of its own, from the newest run on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from perceptron import numbers
from perceptron.analysis.contention import CONTENDED
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.fleet.fastest import fastest_at_sizes
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.collection import Collection
from perceptron.analysis.stored.finding import FindingRow
from perceptron.analysis.stored.hardware import kind_of_hardware
from perceptron.analysis.stored.sweep import CurvePoint, Sweep
from perceptron.analysis.training import training_words
from perceptron.answer import Answered
from perceptron.report.charts.as_svg.draw import draw
from perceptron.report.charts.finding import finding_figure
from perceptron.report.charts.palette import Stroke
from perceptron.report.charts.style import themed
from perceptron.report.charts.sweep import family_figure
from perceptron.report.crossover_words import missing, sentence
from perceptron.report.dashboard.newest import newest_answers
from perceptron.report.dashboard.page import machine_name, state_name
from perceptron.report.dashboard.sweeps import SWITCHES, Asked, sweep_setting
from perceptron.report.dashboard.view import link
from perceptron.report.size_axis import size_axis
from perceptron.report.tables.crossover import crossover_table
from perceptron.report.tables.finding import finding_sentence, finding_table
from perceptron.report.tables.one_size import single_table
from perceptron.untrusted_text import shortened

# The family that the page pictures, if it was measured.
PICTURED = "mlp-width"
WINNER_COLUMNS = ("family", "smallest size", "fastest there", "largest size", "fastest there")


def overview(
    collection: Collection,
    looks: Mapping[str, Stroke],
    asv: str | None,
    asked: CrossoverResult | None,
) -> dict[str, Any]:
    """Return what the template of the page shows; ``asv`` says why asv's pages are not there.

    ``asked`` as on the page of sweeps, where it decides what is drawn.
    """
    benches = _newest_of_each_hardware(collection.benches)
    drawn = Asked(asked).first(collection.sweeps)
    return {
        "answers": newest_answers(collection.answers, drawn),
        "blocks": [
            _block(collection, bench, drawn, looks) | {"id": f"-{number}" if number > 1 else ""}
            for number, bench in enumerate(benches, start=1)
        ],
        # Without a run of the main job a map is all that there is to show.
        "map": None if benches else _map(collection.studies.get("map", []), looks),
        "asv": asv,
        "others": [
            _other(other)
            for other in collection.benches
            if all(other is not bench for bench in benches)
        ],
        "complaints": len(collection.complaints),
        "rows": len(collection.rows),
        "machines": len(collection.machines),
    }


def _newest_of_each_hardware(benches: Iterable[BenchResult]) -> list[BenchResult]:
    newest: dict[str | None, BenchResult] = {}
    for bench in benches:
        newest.setdefault(bench.hardware, bench)
    return list(newest.values())


def _block(
    collection: Collection,
    bench: BenchResult,
    sweeps: Sequence[Sweep],
    looks: Mapping[str, Stroke],
) -> dict[str, Any]:
    """Return what is shown of one kind of hardware; ``sweeps`` are those that are drawn."""
    own = _sweeps(sweeps, bench)
    single_columns, singles = single_table(bench.rows)
    crossover_columns, crossovers = crossover_table(bench.crossovers, bench.rows)
    return {
        "bench": bench,
        "hardware": shortened(bench.hardware or "?"),
        "machine": machine_name(bench.machine, "perceptron"),
        "cards": _cards(bench),
        "finding": _finding(bench, looks) if bench.finding else None,
        "winners": winner_cells(own),
        "winner_columns": WINNER_COLUMNS,
        "single_columns": single_columns,
        "singles": _shortened(singles),
        "crossovers": _shortened(crossovers),
        "crossover_columns": crossover_columns,
        "missing": missing(bench.crossovers),
        "sweep": _sweep(bench, own, looks),
        "map": _map(_maps_beside(collection, bench), looks),
        "trust": _trust(bench),
        "warnings": bench.warnings,
    }


def _shortened(rows: Iterable[Iterable[str]]) -> list[list[str]]:
    return [[shortened(cell, 400) for cell in cells] for cells in rows]


def _picture(svg: str) -> Markup:
    return Markup(svg)  # noqa: S704  our own drawing, whose texts matplotlib has escaped


def _finding(bench: BenchResult, looks: Mapping[str, Stroke]) -> dict[str, Any]:
    figure = finding_figure(bench.finding)
    columns, rows = finding_table(bench.finding, bench.rows)
    return {
        "sentence": finding_sentence(bench.finding),
        "chart": _picture(themed(draw(figure, looks), looks)),
        "alt": figure.alt,
        "caption": figure.caption,
        "columns": columns,
        "rows": _shortened(rows),
    }


def _sweep(
    bench: BenchResult, sweeps: list[Sweep], looks: Mapping[str, Stroke]
) -> dict[str, Any] | None:
    families = list(dict.fromkeys(crossover.family for crossover in bench.crossovers))
    family = PICTURED if PICTURED in families else next(iter(families), None)
    figure = family_figure(bench, family) if family is not None else None
    if family is None or figure is None:
        return None
    return {
        "family": shortened(family),
        "chart": _picture(themed(draw(figure, looks), looks)),
        "alt": figure.alt,
        "caption": figure.caption,
        "link": _link(bench, family, sweeps),
    }


def _link(bench: BenchResult, family: str, sweeps: list[Sweep]) -> str:
    """Return the address of the sweep that is pictured: the run's own, with its fewest threads."""
    own = [sweep for sweep in sweeps if sweep.family == family]
    same = [sweep for sweep in own if sweep.commit == bench.rows[0].commit]
    for sweep in sorted(same or own, key=lambda sweep: sweep.threads != bench.threads[0]):
        return link("sweeps", SWITCHES, sweep_setting(sweep))
    return link("sweeps", SWITCHES, (family,))


def _maps_beside(collection: Collection, bench: BenchResult) -> list[Answered]:
    """Return the maps of its hardware, those of its machine first."""
    same = [
        told
        for told in collection.studies.get("map", [])
        if kind_of_hardware(told.run.times, told.run.facts.environment) == bench.hardware
    ]
    return sorted(same, key=lambda told: told.run.run.machine != bench.machine)


def _map(maps: Iterable[Answered], looks: Mapping[str, Stroke]) -> dict[str, Any] | None:
    for told in maps:
        figure = told.answer.figures[0].drawing
        assert figure is not None, "a map is drawn"
        return {
            "summary": told.answer.verdicts[0].sentence,
            "chart": _picture(draw(figure, looks)),
            "alt": figure.alt,
            "caption": figure.caption,
            "machine": shortened(told.run.run.machine),
            "when": told.run.rows[0].when[:10],
        }
    return None


def _sweeps(sweeps: Sequence[Sweep], bench: BenchResult) -> list[Sweep]:
    """Return the sweeps of the machine of a block, in their order."""
    return [
        sweep for sweep in sweeps if sweep.machine == bench.machine and sweep.source == "perceptron"
    ]


def _trust(bench: BenchResult) -> list[str]:
    """Return how far the numbers can be trusted, in sentences."""
    failed = sum(row.status == "failed" for row in bench.rows)
    judged = [
        crossover
        for crossover in bench.crossovers
        if crossover.status not in ("not measured", "suspect")
    ]
    sure = sum(crossover.sure for crossover in judged)
    # The contention is not of the beginning: it is among the warnings above.
    count = sum(warning.code != CONTENDED for warning in bench.warnings)
    processes = max((row.processes for row in bench.finding), default=0)
    of_finding = f"Every number comes from {processes} fresh processes; its interval holds at 95 %."
    return [
        *([of_finding] if processes else []),
        f"Backends had to agree with float64 NumPy before they were timed: {failed} of "
        f"{len(bench.rows):,} measurements failed.",
        f"{sure} of {len(judged)} answers about crossovers hold at 95 % over the whole range of "
        "sizes; the others say where they are not sure.",
        f"{count} {'warning' if count == 1 else 'warnings'} about the machine when the run began."
        if count
        else "No warning about the machine when the run began.",
    ]


def _other(bench: BenchResult) -> tuple[str, ...]:
    """Return another machine in a line."""
    finding = {row.backend: row for row in bench.finding}
    cells = []
    for name in ("numpy", "torch-cpu", "torch-cuda"):
        row = finding.get(name)
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


def _cards(bench: BenchResult) -> list[dict[str, Any]]:
    """Return the answers in a few words: a large number, what it is, and whether it is sure."""
    found = [_finding_card(bench.finding), *_crossing_cards(bench.crossovers)]
    return [card for card in found if card is not None]


def _finding_card(rows: list[FindingRow]) -> dict[str, Any] | None:
    measured = [row for row in rows if row.ratio_to_published is not None]
    if len(measured) < 2:
        return None
    slowest = max(measured, key=lambda row: row.ratio_to_published or 0.0)
    low, high = slowest.published_low, slowest.published_high
    ratio = numbers.interval(slowest.ratio_to_published or 0.0, low, high)
    return {
        "sure": low is not None and high is not None and not low <= 1 <= high,
        "number": f"{numbers.digits(slowest.ratio_to_published or 0.0)} ×",
        "what": f"{shortened(slowest.backend)} takes {ratio} times as long as the walk-through's "
        "NumPy for 10,000 iterations on the OR gate",
    }


def _crossing_cards(crossovers: list[Crossover]) -> list[dict[str, Any]]:
    return [
        {
            "number": numbers.digits(crossover.size),
            "what": f"{shortened(crossover.family)}: {shortened(sentence(crossover), 200)}",
            "sure": crossover.sure,
        }
        for crossover in crossovers
        if crossover.size is not None and crossover.status in ("crosses", "reverses")
    ][:3]


def winner_cells(sweeps: Iterable[Sweep]) -> list[tuple[str, ...]]:
    """Return who is the fastest at both ends of each family and way to train it, newest first."""
    newest: dict[tuple[str, str], Sweep] = {}
    for sweep in sweeps:
        newest.setdefault((sweep.family, training_words(sweep)), sweep)
    return [_winner(newest[key]) for key in sorted(newest)]


def _winner(sweep: Sweep) -> tuple[str, ...]:
    sizes = sorted({spot.size for curve in sweep.curves for spot in curve.spots})
    words = training_words(sweep)
    name = shortened(f"{sweep.family} ({words})" if words else sweep.family)
    if not sizes:
        return (name, "–", "nothing measured", "–", "nothing measured")
    axis = size_axis(sweep.family, sweep.axis)
    ends = [
        cell
        for size in (sizes[0], sizes[-1])
        for cell in (f"{axis} {size:,}", _fastest(sweep, size))
    ]
    return (name, *ends)


def _fastest(sweep: Sweep, size: float) -> str:
    """Return the fastest at a size with its time, and the next; that it has no rival, if so."""
    spots = {
        curve.backend: spot for curve in sweep.curves for spot in curve.spots if spot.size == size
    }
    ordered = sorted(spots, key=lambda name: (spots[name].value.estimate, name))
    times = [f"{shortened(name)} {_time(spots[name])}" for name in ordered[:2]]
    if len(times) == 1:
        return f"{times[0]}, and no other has a time"
    (answer,) = (
        one for one in fastest_at_sizes(sweep.curves, sweep.crossovers) if one.size == size
    )
    return f"not sure: {' or '.join(times)}" if answer.unsure else " before ".join(times)


def _time(spot: CurvePoint) -> str:
    value = spot.value
    time = numbers.duration_interval(value.estimate, value.low, value.high)
    if spot.epoch is None:
        return time
    return f"{time} ({numbers.rows_per_second(spot.epoch.rows_per_second(value.estimate))})"
