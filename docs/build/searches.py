"""docs/over-processes.md and docs/many-models.md: searches, with every pair and where it ran."""

from __future__ import annotations

from docs.build.blocks import Blocks, crossover_lines
from docs.build.shown import MANY, MANY_FAMILIES, SEVERAL, Shown, crossovers_of
from perceptron.analysis.crossover.sweep import sweeps
from perceptron.analysis.what_if.estimate import WhatIf
from perceptron.analysis.what_if.words import size_words
from perceptron.answer import Answered
from perceptron.numbers import NONE, count, duration
from perceptron.records.measurement import Measurement
from perceptron.report.tables import markdown


def over_processes(runs: Shown) -> Blocks:
    """Return the search over the number of processes."""
    found = runs.processes
    if found is None:
        return {"processes": f"Not measured yet: `perceptron {SEVERAL}` does."}
    return {"processes": "\n".join([*crossover_lines(crossovers_of(found)), "", _ground(found)])}


def many_models(runs: Shown) -> Blocks:
    """Return the searches along the number of models, with the times of each family."""
    commands = " and ".join(f"`perceptron {one}`" for one in MANY)
    parts = ["\n".join(_along_models(search)) for search in runs.many]
    return {"many-in-full": "\n\n".join(parts) or f"Not measured yet: {commands} do."}


def _along_models(found: Answered) -> list[str]:
    lines = crossover_lines(crossovers_of(found))
    rows = found.run.times
    for family in dict.fromkeys(row.family for row in rows):
        own = [row for row in rows if row.family == family]
        lines += ["", f"`{family}`: an iteration shared out over the models", "", *_times(own)]
    guesses = [one for one in found.answer.data["what_if"] if one.incumbent == "numpy"]
    guesses = [one for one in guesses if one.family == MANY_FAMILIES[0]]
    if guesses:
        lines += [
            "",
            f"By an estimate [best, worst case] one ({guesses[0].device}) would be faster than "
            f"numpy: {', '.join(map(_estimate, guesses))}.",
        ]
    return [*lines, "", _ground(found)]


def _times(rows: list[Measurement]) -> list[str]:
    """Return the time of an iteration and model: models down, backends across."""
    curves = [curve for sweep in sweeps(rows)[:1] for curve in sweep.of_one_model if curve.spots]
    times = {
        (curve.backend, spot.size): duration(spot.value.estimate)
        for curve in curves
        for spot in curve.spots
    }
    backends = [curve.backend for curve in curves]
    return markdown.table(
        ("models", *backends),
        [
            (count(size), *(times.get((backend, size), NONE) for backend in backends))
            for size in sorted({size for _, size in times})
        ],
    )


def _estimate(one: WhatIf) -> str:
    if one.status in ("always", "never"):
        return f"{one.challenger} at {size_words(one)}"
    return f"{one.challenger} from {size_words(one)} models"


def _ground(found: Answered) -> str:
    first, facts = found.run.times[0], found.run.facts.environment
    return (
        f"{facts.cpu}, {facts.cores} cores, {first.all_threads} threads in all, {first.dtype}; "
        f"{first.when[:10]}, commit `{first.commit}`, rows in `{found.results}`."
    )
