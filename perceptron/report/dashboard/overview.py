"""The first page: what was found, in pictures and a few numbers, and how far to trust it.

Each kind of hardware has a block of its own, from the newest run on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from perceptron import numbers
from perceptron.answer import Answered, Figure
from perceptron.grouping import grouped
from perceptron.questions.bench.finding import FindingRow, is_framework_the_cost
from perceptron.questions.collection import Collection
from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.crossover.rates import single_tables
from perceptron.questions.crossover.sweep import Sweep
from perceptron.questions.crossover.verdict import (
    has_crossing,
    is_measured,
    missing,
    sentence,
)
from perceptron.questions.overhead.device_share import kind_of_hardware
from perceptron.questions.shared.published import FAMILY
from perceptron.records.measurement import Measurement
from perceptron.report.charts.svg import Looks
from perceptron.report.dashboard.answers import address, drawn, link, undecided_lines
from perceptron.report.dashboard.page import machine_name
from perceptron.report.dashboard.sweeps import place
from perceptron.statistics.contention import CONTENDED
from perceptron.statistics.select import usable_rows
from perceptron.untrusted_text import shortened

# The family that the page pictures, if it was measured.
PICTURED = "mlp-width"
# Verdicts of an answer that are told in its line.
_TOLD = 2


def overview(collection: Collection, looks: Looks, asv: str | None) -> dict[str, Any]:
    """Return what the template of the page shows; ``asv`` says why asv's pages are not there."""
    benches = collection.studies.get("bench", [])
    # What a command has just measured may be in both.
    every = {one.results: one for one in (*benches, *collection.undecided.get("bench", ()))}
    kinds = grouped(every.values(), _hardware).values()
    return {
        "answers": [_newest(told, collection) for told in collection.answers],
        "blocks": [
            _block(collection, own, looks) | {"id": f"-{number}" if number > 1 else ""}
            for number, own in enumerate(kinds, start=1)
        ],
        # Without a run of the main job a map is all that there is to show.
        "map": None if kinds else _map(collection, None, looks),
        "asv": asv,
        "complaints": len(collection.complaints),
        "rows": len(collection.rows),
        "machines": len(collection.machines),
    }


def _newest(told: Answered, collection: Collection) -> dict[str, Any]:
    own = told.answer.verdicts
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


def _block(collection: Collection, benches: Sequence[Answered], looks: Looks) -> dict[str, Any]:
    """Return what one kind of hardware tells: the first run on it that has an answer."""
    bench = next((one for one in benches if one.answer.has_answer), benches[0])
    newer = [one for one in benches if one.run.run.started > bench.run.run.started]
    without = [one for one in newer if bench.answer.has_answer and not one.answer.has_answer]
    rows = usable_rows(bench.results, bench.run.times)
    found: list[FindingRow] = bench.answer.data["finding"]
    crossovers: list[Crossover] = bench.answer.data["crossovers"]
    families = {crossover.family for crossover in crossovers}
    environment = bench.run.facts.environment
    threads = sorted({row.all_threads for row in rows if row.all_threads is not None})
    return {
        "hardware": shortened(_hardware(bench) or "?"),
        "machine": machine_name(bench.run.run.machine),
        "environment": environment,
        "threads": threads,
        "in_all": any((row.processes or 1) > 1 for row in rows),
        "when": rows[0].when[:10],
        "undecided": undecided_lines(without),
        "cards": [*_finding_card(found), *_crossing_cards(crossovers)],
        "finding": _finding(bench, threads[0], looks),
        "singles": single_tables(rows),
        "crossovers": [
            (one.subject, one.decided, "; ".join((one.sentence, *one.notes)))
            for one in bench.answer.verdicts
            if one.subject in families
        ],
        "fastest": [
            (one.subject, one.decided, "; ".join((one.sentence, *one.notes)))
            for one in bench.answer.verdicts
            if one.subject not in families | {FAMILY}
        ],
        "missing": missing(crossovers),
        "sweep": _sweep(bench, threads[0], collection.sweeps, looks),
        "map": _map(collection, bench, looks),
        "trust": _trust(bench, rows, found, crossovers),
        "warnings": bench.warnings,
    }


def _figure(bench: Answered, family: str, threads: int) -> Figure | None:
    """Return the first figure of a family that the answer has, of so many threads."""
    wanted = {("Family", family), ("Threads", str(threads))}
    return next((one for one in bench.answer.figures if wanted <= {*one.part}), None)


def _finding(bench: Answered, threads: int, looks: Looks) -> dict[str, Any] | None:
    figure = _figure(bench, FAMILY, threads)
    if figure is None or figure.drawing is None:
        return None
    (table,) = (one for one in bench.answer.tables if one.part == figure.part)
    found: list[FindingRow] = bench.answer.data["finding"]
    return drawn(figure.drawing, looks) | {"table": table, "is_cost": is_framework_the_cost(found)}


def _sweep(
    bench: Answered, threads: int, sweeps: Iterable[Sweep], looks: Looks
) -> dict[str, Any] | None:
    """Return a family's figure, and the address of its sweep: of this run, with its threads."""
    families = [crossover.family for crossover in bench.answer.data["crossovers"]]
    family = PICTURED if PICTURED in families else next(iter(families), "")
    figure = _figure(bench, family, threads)
    if figure is None or figure.drawing is None:
        return None
    here, commit = (family, bench.run.run.machine, "perceptron"), bench.run.rows[0].commit
    own = min(
        (one for one in sweeps if (one.family, one.ground.machine, one.source) == here),
        key=lambda one: (one.state.commit != commit, one.ground.threads != threads),
        default=None,
    )
    return drawn(figure.drawing, looks) | {
        "family": shortened(family),
        "link": link("sweeps", (("Family", family),) if own is None else place(own)),
    }


def _map(collection: Collection, beside: Answered | None, looks: Looks) -> dict[str, Any] | None:
    """Return the newest map; beside a run one of its hardware, if possible of its machine."""
    maps = [
        told for told in collection.studies.get("map", []) if not told.run.run.plan.get("functions")
    ]
    if beside is not None:
        maps = [told for told in maps if _hardware(told) == _hardware(beside)]
        maps.sort(key=lambda told: told.run.run.machine != beside.run.run.machine)
    if not maps:
        return None
    answer, run = maps[0].answer, maps[0].run
    figure = answer.figures[0].drawing
    assert figure is not None, "a map is drawn"
    return drawn(figure, looks) | {
        "summary": answer.verdicts[0].sentence,
        "machine": shortened(run.run.machine),
        "when": run.rows[0].when[:10],
    }


def _trust(
    bench: Answered,
    rows: Sequence[Measurement],
    found: Iterable[FindingRow],
    crossovers: Iterable[Crossover],
) -> list[str]:
    failed = sum(row.status == "failed" for row in rows)
    judged = [one for one in crossovers if is_measured(one) and one.status != "suspect"]
    whole = sum(one.decided == "yes" for one in judged)
    # Contention is not of the beginning: it is among the warnings above.
    count = sum(warning.code != CONTENDED for warning in bench.warnings)
    repeats = max((row.repeats for row in found), default=0)
    trained = f"Every whole training was repeated in {repeats} fresh processes."
    if repeats == 1:
        trained = "Every whole training was timed once, in one fresh process."
    return [
        *([trained] if repeats else []),
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
        "what": f"{shortened(slowest.backend)} takes {takes}, the walk-through's NumPy, for "
        f"{slowest.iterations:,} iterations on the OR gate",
    }
    return [card]


def _crossing_cards(crossovers: Sequence[Crossover]) -> list[dict[str, Any]]:
    return [
        {
            "number": numbers.digits(crossover.size),
            "what": f"{shortened(crossover.family)}: {shortened(sentence(crossover), 200)}",
            "decided": crossover.decided,
        }
        for crossover in crossovers
        if crossover.size is not None and has_crossing(crossover)
    ][:3]
