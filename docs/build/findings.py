"""Make docs/findings.md: the finding and the crossovers of `bench`, of a CPU and of each GPU."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from docs.build import between_runs, evidence
from docs.build.blocks import Blocks, CellOf, crossover_lines
from docs.build.shown import (
    SEARCHED,
    Shown,
    ShownGpu,
    conditions,
    crossovers_of,
    finding_of,
    titled,
)
from perceptron.answer import Answered
from perceptron.figure import LineFigure
from perceptron.questions.bench.finding import finding_figure, finding_table
from perceptron.questions.shared.published import SOURCE
from perceptron.report.charts.svg import draw
from perceptron.report.tables import markdown

CITED = f"[{SOURCE.title}]({SOURCE.address}) by {SOURCE.author}"
"""The citation of the published finding in README and the docs."""
_PUBLISHED = f"Published in {CITED} ({SOURCE.file}), on hardware that is not named."
NO_GPU = (
    "No GPU was measured yet: `perceptron bench` on a machine that has one adds it here. "
    "Others have [published GPU results](#published-gpu-results)."
)


def blocks(runs: Shown, published: Path) -> Blocks:
    """Return the tables of the CPU, their conditions, and a section for each GPU.

    The section includes results ``published`` for the same GPU.
    """
    gpus = ("\n".join(_of_gpu(gpu, published)) for gpu in runs.gpus)
    return {
        "finding": "\n".join((_PUBLISHED, "", *_finding(runs.bench))),
        "crossovers": "\n".join(_crossovers(runs.bench)),
        "ground": _settings(runs.bench),
        "gpus-in-full": "\n\n".join(gpus) or NO_GPU,
    }


def pictures(runs: Shown) -> dict[str, str]:
    """Return the figures of the finding, the width, and each GPU's map: SVG by file name."""
    maps = [(gpu.map_picture, gpu.phase_map) for gpu in runs.gpus if gpu.phase_map is not None]
    return {
        "finding.svg": draw(finding_figure(finding_of(runs.bench))),
        "mlp-width.svg": draw(pictured(runs.search, SEARCHED)),
        **{name: draw(measured.answer.figures[0].drawing) for name, measured in maps},
    }


def pictured(answered: Answered, family: str) -> LineFigure | None:
    """Return the figure of a family's time per iteration, or None."""
    for figure in answered.answer.figures:
        if ("Family", family) in figure.part and isinstance(figure.drawing, LineFigure):
            return figure.drawing
    return None


def _finding(bench: Answered) -> list[str]:
    rows = finding_of(bench)
    table = finding_table(rows, ())
    cells = [
        [*texts, between_runs.of_finding(bench, row.backend)]
        for texts, row in zip(table.texts, rows, strict=True)
    ]
    return markdown.table([*table.columns, f"{between_runs.COLUMN}>"], cells)


def _crossovers(bench: Answered) -> list[str]:
    columns: dict[str, CellOf] = {
        "threads in all": lambda crossover: str(crossover.threads),
        between_runs.COLUMN: partial(between_runs.of_crossover, bench),
    }
    return crossover_lines(crossovers_of(bench), **columns)


def _settings(bench: Answered) -> str:
    facts = bench.run.facts.environment
    names = [name for name in ("numpy", "torch") if name in facts.libraries]
    versions = ", ".join(f"{name} {facts.libraries[name]}" for name in names)
    repeats = max(row.repeats for row in finding_of(bench))
    how = f", {facts.python}, {versions}; {repeats} repeats each, {between_runs.runs_of(bench)}"
    return conditions(bench, how, commit=True)


def _of_gpu(gpu: ShownGpu, published: Path) -> list[str]:
    lines = [f"### {gpu.name}", "", *_finding(gpu.bench), ""]
    if crossovers_of(gpu.bench):
        lines += [*_crossovers(gpu.bench), ""]
    lines.append(f"{gpu.name} beside {_settings(gpu.bench)}")
    if gpu.phase_map is not None:
        text = gpu.phase_map.answer.verdicts[0].sentence
        lines += ["", f"The map: {text} Rows in `{gpu.phase_map.run.folder}`."]
        lines += ["", f"![Who wins over rows and width, with {gpu.name}]({gpu.map_picture})"]
    if gpu.searches:
        crossovers = [verdict for search in gpu.searches for verdict in crossovers_of(search)]
        rows = ", ".join(f"`{search.results}`" for search in gpu.searches)
        lines += ["", *crossover_lines(crossovers), "", f"Pair by pair; rows in {rows}."]
    if gpu.ladder is not None:
        text = gpu.ladder.answer.verdicts[0].sentence
        lines += ["", f"The cost breakdown: {text}. Rows in `{gpu.ladder.results}`."]
        for table in filter(None, (titled(gpu.ladder, title) for title in ("", "On the device"))):
            lines += ["", *markdown.table(table.columns, table.texts)]
    if gpu.race is not None:
        text = "; ".join(
            f"{verdict.subject}: {verdict.sentence}" for verdict in gpu.race.answer.verdicts
        )
        lines += ["", f"The race: {text}. Rows in `{gpu.race.results}`."]
    if beside := evidence.beside(published, gpu.name):
        lines += ["", "[Published](#published-gpu-results) of the same GPU:", "", *beside]
    return lines
