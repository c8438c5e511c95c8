"""Make the pages of single studies, each answer with its machine, day and folder.

docs/crossovers.md shows the map, docs/ladder.md the cost breakdowns of the OR gate and of a
training by mini-batches, docs/race.md a race, docs/fleet.md a search over processes, and
docs/many-models.md searches over the number of models.
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
    """Return the summary of the map: the share that each backend wins, and the conditions."""
    cells = runs.phase_map.answer.data["map"]
    how = f", {threads_in_all(cells.threads, cells.backends)}, {cells.dtype}"
    return {
        "map": f"{cells.summary}. {cells.cells_measured} of {len(cells.cells)} cells measured on "
        f"{conditions(runs.phase_map, how)}"
    }


def ladder(runs: Shown) -> Blocks:
    """Return the conditions of the ladder in the picture, and the tables of that with batches."""
    tables = filter(None, (titled(runs.batches, title) for title in ("", "Inside one")))
    batches = [
        line for table in tables for line in (*markdown.table(table.columns, table.texts), "")
    ]
    batches.append(_ladder_settings(runs.batches))
    return {"ladder": _ladder_settings(runs.ladder), "ladder-batches": "\n".join(batches)}


def _ladder_settings(ladder: Answered) -> str:
    processes = len({row.repeat for row in times(ladder.run.rows) if row.phase is None})
    return conditions(ladder, f"; {processes} fresh processes each")


def race(runs: Shown) -> Blocks:
    """Return a sentence, a table and a figure for each kind of start, then the notes on both."""
    answered = runs.race
    answer, lines = answered.answer, list[str]()
    for file, figure in _starts(answered).items():
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
    return {"race": "\n".join([*lines, conditions(answered, f"; {runs_of(answered)}")])}


def _starts(answered: Answered) -> dict[str, Figure]:
    """Return the figure of each kind of start by file name; of several dtypes the first."""
    first: dict[str, Figure] = {}
    for figure in answered.answer.figures:
        if figure.drawing is not None:
            first.setdefault(f"race-{figure.part[0][1].replace(' ', '-')}.svg", figure)
    return first


def over_processes(runs: Shown) -> Blocks:
    """Return the crossovers over the number of processes, and their conditions."""
    answered = runs.processes
    return {
        "processes": "\n".join([*crossover_lines(crossovers_of(answered)), "", _settings(answered)])
    }


def many_models(runs: Shown) -> Blocks:
    """Return the crossovers over the number of models, and a table of times for each family."""
    parts = ["\n".join(_along_models(search)) for search in runs.many]
    return {"many-in-full": "\n\n".join(parts)}


def _along_models(answered: Answered) -> list[str]:
    lines = crossover_lines(crossovers_of(answered))
    rows = answered.run.times
    lines += ["", f"`{rows[0].family}`: an iteration shared out over the models", "", *_times(rows)]
    return [*lines, "", _settings(answered)]


def _times(rows: list[Measurement]) -> list[str]:
    """Return a table of times per iteration and model: a row for each number of models."""
    curves = [curve for sweep in sweeps(rows)[:1] for curve in sweep.of_one_model if curve.spots]
    times = {
        (curve.backend, point.size): duration(point.value.estimate)
        for curve in curves
        for point in curve.spots
    }
    backends = [curve.backend for curve in curves]
    return markdown.table(
        ("models", *backends),
        [
            (count(size), *(times.get((backend, size), NONE) for backend in backends))
            for size in sorted({size for _, size in times})
        ],
    )


def _settings(answered: Answered) -> str:
    first = answered.run.times[0]
    return conditions(answered, f", {first.all_threads} threads in all, {first.dtype}", commit=True)
