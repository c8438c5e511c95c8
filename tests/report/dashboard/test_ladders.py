from __future__ import annotations

from pathlib import Path

from perceptron.analysis.stored.collection import collect
from perceptron.report.charts import plot
from perceptron.report.charts.palette import strokes
from perceptron.report.dashboard.ladders import ladder_views
from tests.made import LADDER, keep, ladder_rows

NAMES = ("numpy", "numba", "torch-cpu", "torch-cuda", "numpy-published")


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
    shown = {
        name: views.files[setting["file"]][setting["name"]] for name, setting in settings.items()
    }
    assert "2 threads in all." in shown["2, over 1 and 2 processes"].lines[0]
    # No table of a device where there is none.
    assert len(shown["2"].tables) == 2
    assert len(shown["2"].lines) == 3
