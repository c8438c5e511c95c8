"""A cost breakdown in a terminal, and what a device adds to it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from perceptron.analysis.gpu_use import gpu_use
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.stored.runs import judge_ladder
from perceptron.records.conditions import GpuState
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables import device, ladder, terminal
from perceptron.report.tables.device import energy_lines, part_cells, share_cells, state_lines
from perceptron.report.tables.ladder import roofless_lines
from tests.made import GPU, GPU_LADDER, LADDER, gpu_ladder_rows, keep, ladder_rows, measured


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


def test_what_is_not_known_is_not_guessed(result: OverheadResult) -> None:
    rung = next(rung for rung in result.rungs if rung.backend == "torch-cuda")
    silent = replace(
        rung,
        device_seconds=None,
        busy_share=None,
        energy_joules_per_iteration=None,
        energy_reason="no counter",
        peak_bytes=None,
    )
    (cells,) = share_cells([silent])
    assert cells[2:] == ("–", "–", "not known", "–", "–")
    assert energy_lines([silent, replace(silent, backend="cupy"), rung]) == [
        "The energy of torch-cuda, cupy was not measured: no counter."
    ]


def test_a_part_that_failed_has_its_reason(result: OverheadResult) -> None:
    failed = replace(result.device[0], seconds=None, reason="out of memory", processes=0)
    assert part_cells([failed])[0][3:] == ("not measured: out of memory", "–", "0")


@pytest.mark.parametrize(
    ("states", "line"),
    [
        ([GPU], "clocks free (not locked), 1,980 of 1,980 MHz, 700 W limit, 54 °C"),
        (
            [replace(GPU, locked=True, max_sm_mhz=None)],
            "clocks locked, 1,980 MHz, 700 W limit, 54 °C",
        ),
        ([GpuState(name="Slide Rule")], "whether clocks are locked is not known"),
        (
            [GpuState(name="Slide Rule", locked=False, slowed_by=["power cap"])],
            "clocks free (not locked), in 1 of 1 rows kept down by power cap",
        ),
        (
            [GPU, replace(GPU, sm_mhz=1755, temperature_celsius=81)],
            "clocks free (not locked), 1,755–1,980 of 1,980 MHz, 700 W limit, 54–81 °C",
        ),
    ],
)
def test_the_state_of_a_gpu_is_said(states: list[GpuState], line: str) -> None:
    """Of states that differ the span."""
    rows = [measured(gpu=state) for state in states]
    assert state_lines(gpu_use(rows)) == [f"Slide Rule: {line}; read while it trained."]


def test_a_name_of_a_file_is_shown_as_text() -> None:
    state = replace(GPU, name="x\x1b[31m" + "y" * 1000)
    (line,) = state_lines(gpu_use([measured(gpu=state)]))
    assert line.isprintable()
    assert len(line) < 200


def test_a_run_without_a_device_has_not_a_word_of_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ladder.show(judge_ladder(read_run(keep(tmp_path, LADDER, ladder_rows()))))
    printed = capsys.readouterr().out
    assert "or-gate" in printed
    assert "device" not in printed.lower()
    assert "clocks" not in printed
