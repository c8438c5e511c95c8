"""The first page: what was found, in pictures and a few numbers, and how far to trust it.

Each kind of hardware has a block of its own, from the newest run on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from perceptron import numbers
from perceptron.analysis.collection import Collection
from perceptron.analysis.contention import CONTENDED
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.rates import single_tables
from perceptron.analysis.crossover.sweep import Sweep
from perceptron.analysis.crossover.words import (
    decided,
    has_crossing,
    is_measured,
    missing,
    sentence,
)
from perceptron.analysis.device_share import kind_of_hardware
from perceptron.analysis.finding import FAMILY, FindingRow, finding_table
from perceptron.analysis.select import usable_rows
from perceptron.answer import Answered
from perceptron.figure import Figure
from perceptron.records.measurement import Measurement
from perceptron.report.charts.palette import Stroke
from perceptron.report.dashboard.answers import address, drawn, link
from perceptron.report.dashboard.page import machine_name
from perceptron.report.dashboard.sweeps import place
from perceptron.untrusted_text import shortened

# The family that the page pictures, if it was measured.
PICTURED = "mlp-width"
_VERDICTS = ("family", "decided", "answer")
# Verdicts of an answer that are told in its line.
_TOLD = 2


def overview(
    collection: Collection, looks: Mapping[str, Stroke], asv: str | None
) -> dict[str, Any]:
    """Return what the template of the page shows; ``asv`` says why asv's pages are not there."""
    benches = collection.studies.get("bench", [])
    by_hardware: dict[str | None, Answered] = {}
    for bench in benches:
        by_hardware.setdefault(_hardware(bench), bench)
    newest = list(by_hardware.values())
    return {
        "answers": [_newest(told, collection) for told in collection.answers],
        "blocks": [
            _block(collection, bench, looks) | {"id": f"-{number}" if number > 1 else ""}
            for number, bench in enumerate(newest, start=1)
        ],
        # Without a run of the main job a map is all that there is to show.
        "map": None if newest else _map(collection.studies.get("map", []), looks),
        "asv": asv,
        "complaints": len(collection.complaints),
        "rows": len(collection.rows),
        "machines": len(collection.machines),
    }


def _newest(told: Answered, collection: Collection) -> dict[str, Any]:
    own = [one for one in told.answer.verdicts if one.on != "page"]
    several = len({one.subject for one in own}) > 1
    words = [f"{one.subject}: {one.sentence}" if several else one.sentence for one in own]
    more = len(words) - _TOLD
    first = told.run.rows[0]
    return {
        "question": told.answer.question,
        "words": "; ".join((*words[:_TOLD], *((f"and {more} more",) if more > 0 else ())))
        or "not measured",
        "link": address(told, collection.pages[told.study].is_overview),
        "machine": machine_name(first.machine),
        "when": first.when,
    }


def _hardware(told: Answered) -> str | None:
    return kind_of_hardware(told.run.times, told.run.facts.environment)


def _block(collection: Collection, bench: Answered, looks: Mapping[str, Stroke]) -> dict[str, Any]:
    rows = usable_rows(bench.results, bench.run.times)
    here = (bench.run.run.machine, "perceptron")
    own = [one for one in collection.sweeps if (one.ground.machine, one.source) == here]
    found: list[FindingRow] = bench.answer.data["finding"]
    crossovers: list[Crossover] = bench.answer.data["crossovers"]
    environment = bench.run.facts.environment
    threads = sorted({row.all_threads for row in rows if row.all_threads is not None})
    return {
        "hardware": shortened(_hardware(bench) or "?"),
        "machine": machine_name(bench.run.run.machine),
        "environment": environment,
        "threads": threads,
        "in_all": any((row.processes or 1) > 1 for row in rows),
        "when": rows[0].when[:10],
        "cards": [*_finding_card(found), *_crossing_cards(crossovers)],
        "finding": _finding(bench, rows, threads[0], looks),
        "singles": single_tables(rows),
        "crossovers": [
            (one.subject, one.decided, "; ".join((one.sentence, *one.notes)))
            for one in bench.answer.verdicts
            if one.on == "terminal"
        ],
        "crossover_columns": _VERDICTS,
        "missing": missing(crossovers),
        "sweep": _sweep(bench, threads[0], own, looks),
        "map": _map(_maps_beside(collection, bench), looks),
        "trust": _trust(bench, rows, found, crossovers),
        "warnings": bench.warnings,
    }


def _drawn(bench: Answered, family: str, threads: int) -> Figure | None:
    """Return the first figure of a family that the answer has, of so many threads."""
    wanted = {("Family", family), ("Threads", str(threads))}
    return next((one.drawing for one in bench.answer.figures if wanted <= {*one.part}), None)


def _finding(
    bench: Answered, rows: Iterable[Measurement], threads: int, looks: Mapping[str, Stroke]
) -> dict[str, Any] | None:
    figure = _drawn(bench, FAMILY, threads)
    if figure is None:
        return None
    table = finding_table(bench.answer.data["finding"], rows)
    return drawn(figure, looks) | {"table": table}


def _sweep(
    bench: Answered,
    threads: int,
    sweeps: list[Sweep],
    looks: Mapping[str, Stroke],
) -> dict[str, Any] | None:
    families = [crossover.family for crossover in bench.answer.data["crossovers"]]
    family = PICTURED if PICTURED in families else next(iter(families), "")
    figure = _drawn(bench, family, threads)
    if figure is None:
        return None
    return drawn(figure, looks) | {
        "family": shortened(family),
        "link": _link(family, sweeps, bench.run.rows[0].commit, threads),
    }


def _link(family: str, sweeps: list[Sweep], commit: str | None, threads: int) -> str:
    """Return the address of the sweep that is pictured: the run's own, with its fewest threads."""
    own = [sweep for sweep in sweeps if sweep.family == family]
    same = [sweep for sweep in own if sweep.state.commit == commit]
    for sweep in sorted(same or own, key=lambda sweep: sweep.ground.threads != threads):
        return link("sweeps", place(sweep))
    return link("sweeps", (("Family", family),))


def _maps_beside(collection: Collection, bench: Answered) -> list[Answered]:
    """Return the maps of its hardware, those of its machine first."""
    same = [
        told for told in collection.studies.get("map", []) if _hardware(told) == _hardware(bench)
    ]
    return sorted(same, key=lambda told: told.run.run.machine != bench.run.run.machine)


def _map(maps: Iterable[Answered], looks: Mapping[str, Stroke]) -> dict[str, Any] | None:
    for told in maps:
        if told.run.run.plan.get("functions"):  # of no training
            continue
        figure = told.answer.figures[0].drawing
        assert figure is not None, "a map is drawn"
        return drawn(figure, looks) | {
            "summary": told.answer.verdicts[0].sentence,
            "machine": shortened(told.run.run.machine),
            "when": told.run.rows[0].when[:10],
        }
    return None


def _trust(
    bench: Answered,
    rows: Sequence[Measurement],
    found: Iterable[FindingRow],
    crossovers: Iterable[Crossover],
) -> list[str]:
    failed = sum(row.status == "failed" for row in rows)
    judged = [one for one in crossovers if is_measured(one) and one.status != "suspect"]
    whole = sum(one.is_decided for one in judged)
    # Contention is not of the beginning: it is among the warnings above.
    count = sum(warning.code != CONTENDED for warning in bench.warnings)
    repeats = max((row.repeats for row in found), default=0)
    return [
        *([f"Every whole training was repeated in {repeats} fresh processes."] if repeats else []),
        f"Backends had to agree with float64 NumPy before they were timed: {failed} of "
        f"{len(rows):,} measurements failed.",
        f"{whole} of {len(judged)} crossovers are decided over the whole range of sizes.",
        f"{count} {'warning' if count == 1 else 'warnings'} about the machine when the run began."
        if count
        else "No warning about the machine when the run began.",
    ]


def _finding_card(rows: Sequence[FindingRow]) -> list[dict[str, Any]]:
    """Return the answer in a few words: a large number, what it is, and whether it is decided."""
    measured = [row for row in rows if row.ratio_to_published is not None]
    if len(measured) < 2:
        return []
    slowest = max(measured, key=lambda row: row.ratio_to_published or 0.0)
    low, high = slowest.published_low, slowest.published_high
    ratio = slowest.ratio_to_published or 0.0
    takes = numbers.times_as_long(ratio, low, high, "numpy-published")
    card = {
        "decided": "no" if low is None or high is None or low <= 1 <= high else "yes",
        "number": f"{numbers.digits(ratio)}×",
        "what": f"{shortened(slowest.backend)} takes {takes}, the walk-through's NumPy, for 10,000 "
        "iterations on the OR gate",
    }
    return [card]


def _crossing_cards(crossovers: Sequence[Crossover]) -> list[dict[str, Any]]:
    return [
        {
            "number": numbers.digits(crossover.size),
            "what": f"{shortened(crossover.family)}: {shortened(sentence(crossover), 200)}",
            "decided": decided(crossover),
        }
        for crossover in crossovers
        if crossover.size is not None and has_crossing(crossover)
    ][:3]
