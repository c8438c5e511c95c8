from __future__ import annotations

from pathlib import Path

from perceptron.analysis.stored.collection import collect
from perceptron.report.charts import plot
from perceptron.report.charts.palette import strokes
from perceptron.report.dashboard.ladders import ladder_views
from perceptron.report.dashboard.view import View
from tests.made import GPU_LADDER, LADDER, gpu_ladder_rows, keep, ladder_rows

NAMES = ("numpy", "numba", "torch-cpu", "torch-cuda", "numpy-published")


def shown(results: Path) -> View:
    views = ladder_views(collect(results), plot.looks(strokes(NAMES)))
    (setting,) = views.index["views"]
    return views.files[setting["file"]][setting["name"]]


def test_the_page_has_what_the_device_did(tmp_path: Path) -> None:
    keep(tmp_path, GPU_LADDER, gpu_ladder_rows())
    view = shown(tmp_path)
    titles = [table.title.partition(":")[0].partition(",")[0] for table in view.tables]
    assert titles[-2:] == ["On the device", "Around the iterations"]
    assert any("clocks free (not locked), 1,980 of 1,980 MHz" in line for line in view.lines)
    assert "torch-cuda 101 [98.5, 104] µs, the device busy 4 % of it" in view.figures[0].alt


def test_without_a_device_it_is_as_ever(tmp_path: Path) -> None:
    keep(tmp_path, LADDER, ladder_rows())
    view = shown(tmp_path)
    assert len(view.tables) == 2
    assert len(view.lines) == 3


def test_a_ladder_over_several_processes_stands_beside_the_usual_one(tmp_path: Path) -> None:
    """The switch tells them apart, and the threads are said to be those of all."""
    keep(tmp_path, LADDER, ladder_rows())
    over = LADDER | {
        "over_processes": [1, 2],
        "removes": {"torch-ddp@2": "nothing"} | LADDER["removes"],
    }
    keep(tmp_path, over, ladder_rows(), started="2026-01-01T01:00:00Z")
    views = ladder_views(collect(tmp_path), plot.looks(strokes((*NAMES, "torch-ddp@2"))))
    settings = {setting["is"][-1]: setting for setting in views.index["views"]}
    assert settings.keys() == {"2", "2, over 1 and 2 processes"}
    setting = settings["2, over 1 and 2 processes"]
    assert "2 threads in all." in views.files[setting["file"]][setting["name"]].lines[0]
