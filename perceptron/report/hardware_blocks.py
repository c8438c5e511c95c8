"""Blocks of README and docs about one kind of hardware: the CPU, or a GPU."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.hardware import on_devices
from perceptron.report.crossover_words import answer, is_measured, missing, status
from perceptron.report.newest_runs import ShownGpu
from perceptron.report.tables import markdown
from perceptron.report.tables.finding import FINDING_COLUMNS, finding_cells, finding_sentence
from perceptron.report.tables.ladder import ladder_words

CROSSOVER_COLUMNS = ("family", "pair", "threads in all", "status", "who is faster [95 % interval]")
NO_GPU = "No GPU was measured yet: `perceptron bench` on a machine that has one adds it here."


def finding_lines(bench: BenchResult) -> list[str]:
    """Return the finding as a table."""
    return markdown.table(FINDING_COLUMNS, map(finding_cells, bench.finding))


def crossover_lines(bench: BenchResult) -> list[str]:
    """Return the crossovers as a table, and what was not measured."""
    rows = [
        (
            f"`{crossover.family}`",
            f"{crossover.incumbent} → {crossover.challenger}",
            str(crossover.threads),
            status(crossover),
            answer(crossover),
        )
        for crossover in bench.crossovers
        if is_measured(crossover)
    ]
    reasons = [f"\nNot measured: {reason}." for reason in missing(bench.crossovers)]
    return [*markdown.table(CROSSOVER_COLUMNS, rows), *reasons]


def ground(bench: BenchResult) -> str:
    """Say on what the run was measured and where its rows are."""
    processes = max(row.processes for row in bench.finding)
    environment = bench.environment
    versions = ", ".join(
        f"{name} {environment.libraries[name]}"
        for name in ("numpy", "torch")
        if name in environment.libraries
    )
    return (
        f"{environment.cpu}, {environment.cores} cores, {environment.python}, {versions}; "
        f"{processes} fresh processes each; {bench.rows[0].when[:10]}, "
        f"commit `{bench.rows[0].commit}`, rows in `{bench.results}`."
    )


def gpus_in_short(gpus: Sequence[ShownGpu]) -> list[str]:
    """Return a paragraph for each GPU: the finding, from where up it wins, and its ground."""
    return _paragraphs(_in_short(gpu) for gpu in gpus) or [NO_GPU]


def gpus_in_full(gpus: Sequence[ShownGpu]) -> list[str]:
    """Return a section for each GPU: the finding and the crossovers as tables, map and ladder."""
    return _paragraphs(_in_full(gpu) for gpu in gpus) or [NO_GPU]


def _paragraphs(parts: Iterable[list[str]]) -> list[str]:
    lines = [line for part in parts for line in ("", *part)]
    return lines[1:]


def _in_short(gpu: ShownGpu) -> list[str]:
    bench = gpu.bench
    own = {row.backend for row in on_devices(bench.rows)}
    wins = [
        f"`{crossover.family}` {crossover.incumbent} → {crossover.challenger}: {answer(crossover)}"
        for crossover in bench.crossovers
        if is_measured(crossover) and own & {crossover.incumbent, crossover.challenger}
    ]
    return [
        f"**{gpu.name}**: {finding_sentence(bench.finding)}",
        *([""] if wins else []),
        *(f"* {win}" for win in wins),
        "",
        _ground_of(gpu),
    ]


def _in_full(gpu: ShownGpu) -> list[str]:
    lines = [
        f"### {gpu.name}",
        "",
        *finding_lines(gpu.bench),
        "",
        *([*crossover_lines(gpu.bench), ""] if gpu.bench.crossovers else []),
        f"{_ground_of(gpu)}",
    ]
    if gpu.phase_map is not None:
        shown = gpu.phase_map
        lines += ["", f"The map: {shown.map.summary} Rows in `{shown.results}`."]
        lines += ["", f"![Who wins over rows and width, with {gpu.name}]({gpu.map_picture})"]
    if gpu.ladder is not None:
        words = ladder_words(gpu.ladder)
        lines += ["", f"The ladder: {words}. Rows in `{gpu.ladder.results}`."]
    return lines


def _ground_of(gpu: ShownGpu) -> str:
    return f"{gpu.name} beside {ground(gpu.bench)}"
