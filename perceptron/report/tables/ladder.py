"""Where one iteration's time goes, as tables and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from perceptron.analysis.overhead.iteration_phases import IterationPhase
from perceptron.analysis.overhead.ladder import OverheadResult, Rung
from perceptron.report.dashboard.section import PageTable, Picture, Section, write_figures
from perceptron.report.numbers import digits, duration, duration_interval, interval

RUNG_COLUMNS = (
    "backend",
    "dtype",
    "one iteration",
    "× the floor",
    "kernels>",
    "to prepare>",
    "removes",
)
ROOFLINE_COLUMNS = (
    "backend",
    "GFLOP/s>",
    "of the ceiling>",
    "GB/s>",
    "of the ceiling>",
    "bound by",
)
PHASE_COLUMNS = ("backend", "phase", "one iteration", "share>")


def rung_cells(rungs: Sequence[Rung]) -> list[tuple[str, ...]]:
    """A line for each rung; one that was not measured says why."""
    return [_rung(rung) for rung in rungs]


def _rung(rung: Rung) -> tuple[str, ...]:
    kernels = "–" if rung.kernels_per_iteration is None else f"{rung.kernels_per_iteration:,}"
    if rung.seconds_per_iteration is None:
        told = f"not measured: {rung.reason}"
        return (rung.backend, rung.dtype or "–", told, "–", kernels, "–", rung.removes)
    ratio = "–"
    if rung.ratio_to_floor is not None:
        ratio = interval(rung.ratio_to_floor, rung.ratio_low, rung.ratio_high)
        ratio = "1" if rung.ratio_low == rung.ratio_high == 1 else ratio
    return (
        rung.backend,
        rung.dtype or "–",
        duration_interval(rung.seconds_per_iteration, rung.low, rung.high),
        ratio,
        kernels,
        "–" if rung.prepare_seconds is None else duration(rung.prepare_seconds),
        rung.removes,
    )


def phase_cells(found: OverheadResult) -> list[tuple[str, ...]]:
    """A line for each phase, then their sum beside the iteration measured as always."""
    cells = [_phase(phase, _whole(found, phase.backend)) for phase in found.phases]
    for whole in found.wholes:
        share = whole.phases_seconds / whole.seconds_per_iteration
        told = f"{duration(whole.phases_seconds)}; the iteration by itself "
        told += duration(whole.seconds_per_iteration)
        cells.append((whole.backend, "all", told, f"{100 * share:.0f} %"))
    return cells


def _whole(found: OverheadResult, backend: str) -> float | None:
    each = next((whole for whole in found.wholes if whole.backend == backend), None)
    return None if each is None else each.seconds_per_iteration


def _phase(phase: IterationPhase, whole: float | None) -> tuple[str, ...]:
    share = "–" if whole is None else f"{100 * phase.seconds_per_iteration / whole:.0f} %"
    told = duration_interval(phase.seconds_per_iteration, phase.low, phase.high)
    return (phase.backend, phase.phase, told, share)


def roofline_cells(found: OverheadResult) -> list[tuple[str, ...]]:
    """How much of the machine's ceilings each rung reached; nothing where they are not known."""
    if found.ceilings is None:
        return []
    limits = found.ceilings
    return [
        (
            rung.backend,
            digits(rung.gflops, 2),
            _per_cent(rung.gflops / limits.gflops),
            digits(rung.gbytes, 2),
            _per_cent(rung.gbytes / limits.gbytes),
            rung.bound or "–",
        )
        for rung in found.rungs
        if rung.gflops is not None and rung.gbytes is not None
    ]


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def roofline_title(found: OverheadResult) -> str:
    """What the shares are of."""
    assert found.ceilings is not None, "there are no shares without ceilings"
    return (
        f"Against the ceilings of {found.threads} threads: a large float32 product reached "
        f"{digits(found.ceilings.gflops)} GFLOP/s, a large copy {digits(found.ceilings.gbytes)} "
        "GB/s"
    )


def harness_line(found: OverheadResult) -> str:
    """What measuring itself adds."""
    if found.harness_seconds is None or found.harness_share is None:
        return ""
    return (
        f"The clock and an empty call take {duration(found.harness_seconds)}, at most "
        f"{100 * found.harness_share:.2g} % of a sample."
    )


def write_overhead(page: Path, found: OverheadResult) -> Path:
    """Write the page and return its path; raises `UserError` if it cannot be written."""
    from perceptron.report.charts.ladder import ladder_chart  # the tables need no matplotlib

    facts = found.environment
    ladder = Section(
        "The ladder",
        lines=(
            "Each rung does away with one thing; what is left at the floor is the arithmetic.",
            harness_line(found),
        ),
        figures=[
            Picture(
                ladder_chart(found),
                f"Time of one iteration of {found.problem} on each rung; the table below has the "
                "numbers",
                "Lower rungs do the same arithmetic. Bars are 95 % intervals over fresh processes, "
                "often smaller than the dot.",
            )
        ],
        tables=[PageTable(RUNG_COLUMNS, rung_cells(found.rungs))],
    )
    sections = [ladder]
    if found.phases:
        table = PageTable(
            PHASE_COLUMNS, phase_cells(found), "By the difference of loops with and without"
        )
        sections.append(Section("Inside one eager iteration", tables=[table]))
    if found.ceilings is not None:
        grid = PageTable(ROOFLINE_COLUMNS, roofline_cells(found), roofline_title(found))
        sections.append(Section("The other end: the roofline", tables=[grid]))
    return write_figures(
        page,
        f"Where does an iteration of {found.problem} spend its time?",
        f"{facts.cpu}, {facts.cores} cores, {found.threads} threads.",
        sections,
        found.warnings,
    )
