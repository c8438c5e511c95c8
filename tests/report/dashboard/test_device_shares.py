"""The page of sweeps where rows say how busy a device was."""

from __future__ import annotations

from perceptron.analysis.stored.collection import collection_of
from perceptron.records.measurement import Measurement
from perceptron.report.charts import plot
from perceptron.report.charts.palette import strokes
from perceptron.report.charts.sweep import ITERATION
from perceptron.report.dashboard.sweeps import COLD, sweep_views
from perceptron.report.dashboard.view import View
from tests.made import BACKENDS, line, on_gpu


def shown(rows: list[Measurement], how: str) -> View:
    views = sweep_views(collection_of(rows), plot.looks(strokes(BACKENDS)))
    setting = next(setting for setting in views.index["views"] if setting["is"][-1] == how)
    return views.files[setting["file"]][setting["name"]]


def rows() -> list[Measurement]:
    """numpy and a GPU: launch-bound at the smallest sizes, of which it is busy ever more."""
    made = line(backends=("numpy", "torch-cuda"), prepare=0.5)
    return [
        on_gpu(row, min(1.0, float(row.size) / 100)) if row.backend == "torch-cuda" else row
        for row in made
    ]


def test_points_say_how_busy_the_device_is() -> None:
    view = shown(rows(), ITERATION)
    table = next(table for table in view.tables if table.title.startswith("Device busy ÷ wall"))
    assert [column.name for column in table.columns][1:] == ["torch-cuda"]
    assert [row[1].partition(" %")[0] for row in table.rows] == ["4.00", "16.0", "64.0", "100"]
    assert [row[1].endswith("launch-bound") for row in table.rows] == [True, True, False, False]
    assert any("54 °C" in text for text in view.lines)


def test_a_time_from_cold_has_no_such_share() -> None:
    """The device's own seconds are those of an iteration, not of a start."""
    view = shown(rows(), COLD)
    assert not any("Device busy" in table.title for table in view.tables)
    (sweep,) = collection_of(rows()).sweeps
    on_device = next(curve for curve in sweep.cold if curve.backend == "torch-cuda")
    assert [spot.device for spot in on_device.spots] == [None] * len(on_device.spots)
