from __future__ import annotations

import io
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.stored.runs import judge_ladder
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables import device, ladder, terminal
from perceptron.report.tables.ladder import roofless_lines
from tests.made import GPU_LADDER, gpu_ladder_rows, keep


@pytest.fixture
def result(tmp_path: Path) -> OverheadResult:
    return judge_ladder(read_run(keep(tmp_path, GPU_LADDER, gpu_ladder_rows())))


def test_rungs_without_a_roof_are_named(result: OverheadResult) -> None:
    assert roofless_lines(result) == []
    without = replace(result, ceilings=[one for one in result.ceilings if one.device == "cpu"])
    assert roofless_lines(without) == [
        "No ceiling of cuda was measured: torch-cuda is held against none."
    ]
    assert roofless_lines(replace(result, ceilings=[])) == []


@pytest.mark.parametrize("width", [80, 200])
def test_a_ladder_is_readable_on_a_common_terminal(
    result: OverheadResult, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Names are whole; what rungs remove has a table of its own where one would be too wide."""
    name = "torch-cuda-manual-graph"
    rung = replace(
        next(rung for rung in result.rungs if rung.backend == "torch-cuda"),
        backend=name,
        kernels_per_iteration=12,
        kernels_profiled=14,
        prepare_seconds=12.3,
        prepared_from_cache=True,
        removes="the launches from Python: ten recorded steps in one call",
    )
    screen = io.StringIO()
    for module in (terminal, ladder, device):
        monkeypatch.setattr(module, "out", Console(file=screen, width=width, highlight=False))
    ladder.show(replace(result, rungs=[*result.rungs, rung]))
    text = screen.getvalue()
    of_rungs = text[: text.index("Inside one eager iteration")]
    is_split = width < 200
    assert ("What each rung removes" in text) == is_split
    assert of_rungs.split().count(name) == 1 + is_split
    assert max(map(len, of_rungs.splitlines())) <= width
    assert len(of_rungs.splitlines()) < 45
