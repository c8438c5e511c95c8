"""The phase diagram as a page: the figure, what it says, and the cells as a table."""

from __future__ import annotations

from pathlib import Path

from perceptron.analysis.phase_map.phase_map import MapResult
from perceptron.report.charts.phase_map import map_chart
from perceptron.report.dashboard.section import PageTable, Picture, Section, write_figures
from perceptron.report.tables.phase_map import map_columns, map_legend, map_rows


def write_map(page: Path, found: MapResult) -> Path:
    """Write the page and return its path; raises `UserError` if it cannot be written."""
    drawn = found.map
    facts = found.environment
    absent = tuple(f"{name}: {reason}." for name, reason in drawn.absent.items())
    section = Section(
        drawn.family,
        lines=(drawn.summary, *absent),
        figures=[
            Picture(
                map_chart(drawn),
                f"Which backend is fastest over {' and '.join(drawn.axes)}; the table below has "
                "the ratios",
                "Hue: the fastest backend; intensity: how many times as fast as the next. Dots: "
                "cells that were measured; the rest is interpolated. Lines: equal times.",
            )
        ],
        tables=[PageTable(map_columns(drawn), map_rows(drawn), map_legend(drawn))],
    )
    return write_figures(
        page,
        f"Which backend wins where on {found.machine}?",
        f"{facts.cpu}, {facts.cores} cores, {drawn.threads} threads, {drawn.dtype}.",
        [section],
        found.warnings,
    )
