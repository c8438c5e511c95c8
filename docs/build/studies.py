"""Pages of one study each, every answer with where it was measured.

docs/crossovers.md has the map, docs/ladder.md the cost breakdown of the OR gate and of a training
by mini-batches, docs/race.md, docs/fleet.md and docs/many-models.md what their names say.
"""

from __future__ import annotations

from docs.build.between_runs import runs_of
from docs.build.blocks import Blocks, crossover_lines
from docs.build.shown import Shown, conditions, crossovers_of, titled
from perceptron.answer import Answered, Figure, is_of
from perceptron.numbers import NONE, count, duration
from perceptron.questions.crossover.sweep import sweeps
from perceptron.records.measurement import Measurement
from perceptron.records.row import times
from perceptron.report.charts.svg import draw
from perceptron.report.tables import markdown
from perceptron.statistics.over_processes import threads_in_all


def pictures(runs: Shown) -> dict[str, str]:
    """Return the map, the ladder of the OR gate, and each start of the race: SVG by file name."""
    return {
        "map.svg": draw(runs.phase_map.answer.figures[0].drawing),
        "ladder.svg": draw(runs.ladder.answer.figures[0].drawing),
        **{file: draw(figure.drawing) for file, figure in _starts(runs.race).items()},
    }


def phase_map(runs: Shown) -> Blocks:
    """Return which backend wins how much of the map, and where it was measured."""
    cells = runs.phase_map.answer.data["map"]
    how = f", {threads_in_all(cells.threads, cells.backends)}, {cells.dtype}"
    return {
        "map": f"{cells.summary}. {cells.cells_measured} of {len(cells.cells)} cells measured on "
        f"{conditions(runs.phase_map, how)}"
    }


def ladder(runs: Shown) -> Blocks:
    """Return where the ladder of the picture was measured, and the tables of the batches'."""
    tables = filter(None, (titled(runs.batches, title) for title in ("", "Inside one")))
    batches = [
        line for table in tables for line in (*markdown.table(table.columns, table.texts), "")
    ]
    batches.append(_ground_of_ladder(runs.batches))
    return {"ladder": _ground_of_ladder(runs.ladder), "ladder-batches": "\n".join(batches)}


def _ground_of_ladder(ladder: Answered) -> str:
    processes = len({row.repeat for row in times(ladder.run.rows) if row.phase is None})
    return conditions(ladder, f"; {processes} fresh processes each")


def race(runs: Shown) -> Blocks:
    """Return for each start a sentence, a table and a figure, then the notes about both."""
    told = runs.race
    answer, lines = told.answer, list[str]()
    for file, figure in _starts(told).items():
        for verdict in answer.verdicts:
            if is_of(verdict.part, figure.part):
                lines += [f"**{verdict.subject}**: {verdict.sentence}", ""]
                lines += [line for note in verdict.notes for line in (note, "")]
        for table in answer.tables:
            if is_of(table.part, figure.part):
                lines += [*markdown.table(table.columns, table.texts), ""]
                lines += [f"![{table.title}]({file})", ""]
    for note in answer.notes:
        lines += [note.text, ""]
    return {"race": "\n".join([*lines, conditions(told, f"; {runs_of(told)}")])}


def _starts(told: Answered) -> dict[str, Figure]:
    """Return the figure of each start by the name of its file, of several dtypes the first."""
    first: dict[str, Figure] = {}
    for figure in told.answer.figures:
        if figure.drawing is not None:
            first.setdefault(f"race-{figure.part[0][1].replace(' ', '-')}.svg", figure)
    return first


def over_processes(runs: Shown) -> Blocks:
    """Return the search over the number of processes."""
    found = runs.processes
    return {"processes": "\n".join([*crossover_lines(crossovers_of(found)), "", _ground(found)])}


def many_models(runs: Shown) -> Blocks:
    """Return the searches along the number of models, with the times of each family."""
    parts = ["\n".join(_along_models(search)) for search in runs.many]
    return {"many-in-full": "\n\n".join(parts)}


def _along_models(found: Answered) -> list[str]:
    lines = crossover_lines(crossovers_of(found))
    rows = found.run.times
    lines += ["", f"`{rows[0].family}`: an iteration shared out over the models", "", *_times(rows)]
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


def _ground(found: Answered) -> str:
    first = found.run.times[0]
    return conditions(found, f", {first.all_threads} threads in all, {first.dtype}", commit=True)
