"""A study's own answer on the pages: put into the collection, and found by its address."""

from __future__ import annotations

from msgspec import json
from msgspec.structs import replace

from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.stored.collection import Collection, collection_of
from perceptron.analysis.stored.sweep import Sweep
from perceptron.answer import Answered
from perceptron.report.dashboard import sweeps
from perceptron.report.dashboard.answers import address
from perceptron.report.dashboard.view import link


def with_answer(collection: Collection, told: Answered) -> Collection:
    """Return the collection with this answer first, in the place of any shown at its address."""
    shown = collection.studies.get(told.study, [])
    others = [other for other in shown if address(other) != address(told)]
    return replace(collection, studies=collection.studies | {told.study: [told, *others]})


def with_crossovers(collection: Collection, result: CrossoverResult) -> Collection:
    """Return the collection with the sweeps that the answer was read off.

    Of a run in the collection those are added that are not the newest of their case; of files all
    come first, with their machines and rows: what the collection has itself is there only once.
    """
    own = collection_of(result.rows)
    if result.results is not None:
        return replace(collection, sweeps=_unlike(collection.sweeps, own.sweeps))
    names = {machine.name for machine in collection.machines}
    rows = {json.encode(row) for row in collection.rows}
    return replace(
        collection,
        rows=[*collection.rows, *(row for row in own.rows if json.encode(row) not in rows)],
        machines=[
            *collection.machines,
            *(machine for machine in own.machines if machine.name not in names),
        ],
        sweeps=_unlike(own.sweeps, collection.sweeps),
    )


def _unlike(first: list[Sweep], others: list[Sweep]) -> list[Sweep]:
    """Return the first and those of the others that have settings of their own."""
    settings = set(map(sweeps.sweep_setting, first))
    return [*first, *(one for one in others if sweeps.sweep_setting(one) not in settings)]


def sweep_address(collection: Collection, result: CrossoverResult) -> str:
    """Return the page and fragment of the first sweep with an answer, else of the first sweep.

    The page alone where nothing was measured.
    """
    asked = sweeps.Asked(result)
    drawn: dict[tuple[object, ...], Sweep] = {}
    for sweep in asked.first(collection.sweeps):
        if asked.holds(sweep):
            drawn.setdefault(sweeps.in_state(sweep), sweep)
            drawn.setdefault(sweeps.on_ground(sweep), sweep)
    for crossover in sorted(result.crossovers, key=lambda crossover: crossover.size is None):
        place = sweeps.on_ground if crossover.source is None else sweeps.in_state
        where = place(crossover)
        if where in drawn:
            return link("sweeps", sweeps.SWITCHES, sweeps.sweep_setting(drawn[where]))
    return "sweeps.html"
