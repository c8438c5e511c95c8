"""The page of sweeps: the newest of each case, whoever measured it, and one backend on machines."""

from __future__ import annotations

from perceptron.analysis.collection import Collection
from perceptron.analysis.crossover.sweep import Sweep
from perceptron.analysis.crossover.told import of_sweep, where
from perceptron.answer import Answer, Setting
from perceptron.report.charts.as_plotly import Looks
from perceptron.report.dashboard.answers import Shown, views_of
from perceptron.report.dashboard.machine_sweeps import machine_views
from perceptron.report.dashboard.page import foreign_state, machine_name, state_name
from perceptron.report.dashboard.view import Views, link


def sweep_views(collection: Collection, looks: Looks) -> Views:
    """Return a view for each way of showing each sweep; a sweep is one file.

    Then those of each backend that several machines measured, a file for each.
    """
    older = sum(sweep.older for sweep in collection.sweeps)
    views = views_of("sweeps", map(_shown, collection.sweeps), older, looks)
    first = len(collection.sweeps)
    for part, (setting, view) in enumerate(machine_views(collection.sweeps, looks), first):
        views.add(part, setting, view)
    return views


def _shown(sweep: Sweep) -> Shown:
    parts = of_sweep(sweep, ())
    answer = Answer(
        question=sweep.family,
        asked=(),
        verdicts=parts.verdicts,
        notes=parts.notes,
        tables=parts.tables,
        figures=parts.figures,
    )
    return Shown(answer, place(sweep))


def place(sweep: Sweep) -> Setting:
    """Return how all switches of the page but the last stand for the views of a sweep."""
    family, *others = where(sweep)
    return (
        family,
        ("Machine", machine_name(sweep.machine, sweep.source)),
        ("Commit", state_name(sweep.commit, sweep.when, *foreign_state(sweep))),
        *others,
    )


def sweep_address(collection: Collection) -> str:
    """Return the page and fragment of the first sweep; the page alone where there is none."""
    switches = dict(place(collection.sweeps[0])) if collection.sweeps else {}
    return link("sweeps", list(switches), list(switches.values())) if switches else "sweeps.html"
