"""docs/findings.md: the finding and the crossovers of `bench`, of a CPU and of each GPU."""

from __future__ import annotations

from docs.build.blocks import Blocks, crossover_lines
from docs.build.shown import Shown, ShownGpu
from perceptron.analysis.stored.bench import BenchResult
from perceptron.report.charts.as_svg.draw import draw
from perceptron.report.charts.finding import finding_figure
from perceptron.report.charts.sweep import family_figure
from perceptron.report.tables import markdown
from perceptron.report.tables.finding import FINDING_COLUMNS, finding_cells

NO_GPU = "No GPU was measured yet: `perceptron bench` on a machine that has one adds it here."


def blocks(runs: Shown) -> Blocks:
    """Return the tables of the CPU, where they were measured, and a section for each GPU."""
    return {
        "finding": "\n".join(_finding(runs.bench)),
        "crossovers": "\n".join(crossover_lines(runs.bench.crossovers, threads=True)),
        "ground": _ground(runs.bench),
        "gpus-in-full": "\n\n".join("\n".join(_of_gpu(gpu)) for gpu in runs.gpus) or NO_GPU,
    }


def pictures(runs: Shown) -> dict[str, str]:
    """Return the finding, the sweep over the width, and the map of each GPU: SVG by file name."""
    of_gpus = {gpu.name: gpu.bench.finding for gpu in runs.gpus}
    maps = [(gpu.map_picture, gpu.phase_map) for gpu in runs.gpus if gpu.phase_map is not None]
    return {
        "finding.svg": draw(finding_figure(runs.bench.finding, of_gpus)),
        "mlp-width.svg": draw(family_figure(runs.bench, "mlp-width")),
        **{name: draw(measured.answer.figures[0].drawing) for name, measured in maps},
    }


def _finding(bench: BenchResult) -> list[str]:
    return markdown.table(FINDING_COLUMNS, map(finding_cells, bench.finding))


def _ground(bench: BenchResult) -> str:
    facts, first = bench.environment, bench.rows[0]
    names = [name for name in ("numpy", "torch") if name in facts.libraries]
    versions = ", ".join(f"{name} {facts.libraries[name]}" for name in names)
    return (
        f"{facts.cpu}, {facts.cores} cores, {facts.python}, {versions}; "
        f"{max(row.processes for row in bench.finding)} fresh processes each; {first.when[:10]}, "
        f"commit `{first.commit}`, rows in `{bench.results}`."
    )


def _of_gpu(gpu: ShownGpu) -> list[str]:
    lines = [f"### {gpu.name}", "", *_finding(gpu.bench), ""]
    if gpu.bench.crossovers:
        lines += [*crossover_lines(gpu.bench.crossovers, threads=True), ""]
    lines.append(f"{gpu.name} beside {_ground(gpu.bench)}")
    if gpu.phase_map is not None:
        words = gpu.phase_map.answer.verdicts[0].sentence
        lines += ["", f"The map: {words} Rows in `{gpu.phase_map.run.folder}`."]
        lines += ["", f"![Who wins over rows and width, with {gpu.name}]({gpu.map_picture})"]
    if gpu.ladder is not None:
        words = gpu.ladder.answer.verdicts[0].sentence
        lines += ["", f"The ladder: {words}. Rows in `{gpu.ladder.results}`."]
    return lines
