from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.analysis.stored.collection import Collection, collect
from perceptron.report.charts import plot
from perceptron.report.charts.palette import strokes
from perceptron.report.dashboard.rooflines import roofline_views
from perceptron.report.dashboard.view import View
from tests.made import GPU_LADDER, gpu_ladder_rows, keep

NAMES = ("numpy", "numba", "torch-cpu", "torch-cuda", "numpy-published", "jax-cuda")


def shown(collection: Collection) -> View:
    views = roofline_views(collection, plot.looks(strokes(NAMES)))
    (setting,) = views.index["views"]
    return views.files[setting["file"]][setting["name"]]


@pytest.fixture
def view(tmp_path: Path) -> View:
    keep(tmp_path, GPU_LADDER, gpu_ladder_rows())
    return shown(collect(tmp_path))


def test_rungs_are_drawn_below_the_roof_of_their_own_device(view: View) -> None:
    cpu, cuda = view.figures
    assert [trace["name"] for trace in cpu.data] == [
        "torch-cpu",
        "numpy",
        "numba",
        "the machine's ceilings",
    ]
    assert [trace["name"] for trace in cuda.data] == [
        "torch-cuda",
        "roof: torch-cuda and jax-cuda (cuda)",
    ]
    assert max(cpu.data[-1]["y"]) == pytest.approx(50)
    assert max(cuda.data[-1]["y"]) == pytest.approx(50_000)
    assert "device busy 4 %" in cuda.data[0]["text"][0]


def test_the_page_says_in_words_whose_roof_is_whose(view: View) -> None:
    """In the texts that stand for the figures, and in the titles of their tables."""
    cpu, cuda = view.figures
    assert "the roof of cuda, measured by torch-cuda and jax-cuda is 50,000 GFLOP/s" in cuda.alt
    assert cuda.caption.startswith("The roof of cuda, measured by torch-cuda and jax-cuda: ")
    assert "measured by" not in cpu.alt
    assert len(view.tables) == 2
    assert any("roof of its own" in line for line in view.lines)
    assert any("clocks free (not locked)" in line for line in view.lines)
