"""docs/race.md: which backend has the digits learned first."""

from __future__ import annotations

from docs.build.blocks import Blocks
from docs.build.shown import RACED, RACED_TO, Shown
from perceptron.analysis.race.result import STARTS, RaceStart
from perceptron.report.charts.as_svg.draw import draw
from perceptron.report.charts.race import race_figure
from perceptron.report.tables import markdown, race


def blocks(runs: Shown) -> Blocks:
    """Return for each start a sentence, a table and a figure, then what holds for both."""
    result = runs.race
    if result is None:
        command = f"`perceptron race --problem {RACED} --target {RACED_TO}`"
        return {"race": f"Not measured yet: {command} does."}
    lines = []
    for start in STARTS:
        table = markdown.table(race.COLUMNS, race.cells(result, start))
        figure = f"![{race.title(result, start)}]({_picture(start)})"
        lines += [race.sentence(result, start), "", *table, "", figure, ""]
    for note in race.notes(result):
        lines += [note, ""]
    facts, when = result.environment, result.rows[0].when[:10]
    lines.append(f"{facts.cpu}, {facts.cores} cores; {when}, rows in `{result.results}`.")
    return {"race": "\n".join(lines)}


def pictures(runs: Shown) -> dict[str, str]:
    """Return the figure of each start: SVG by file name."""
    if runs.race is None:
        return {}
    dtype = runs.race.runs[0].dtype
    return {_picture(start): draw(race_figure(runs.race, start, dtype)) for start in STARTS}


def _picture(start: RaceStart) -> str:
    return f"race-{start}.svg"
