from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.analysis.gpu_use import gpu_use
from perceptron.analysis.overhead.ladder import OverheadResult
from perceptron.analysis.stored.runs import judge_ladder
from perceptron.records.conditions import GpuState
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables import ladder as ladder_table
from perceptron.report.tables.device import energy_lines, part_cells, share_cells, state_lines
from tests.made import GPU, GPU_LADDER, LADDER, gpu_ladder_rows, keep, ladder_rows, measured


@pytest.fixture
def result(tmp_path: Path) -> OverheadResult:
    return judge_ladder(read_run(keep(tmp_path, GPU_LADDER, gpu_ladder_rows())))


def test_a_device_says_how_busy_it_is_and_what_an_iteration_takes(result: OverheadResult) -> None:
    (cells,) = share_cells(result.rungs)
    assert cells == (
        "torch-cuda",
        "cuda",
        "4.04 µs",
        "4.00 % [4.00, 4.00]",
        "yes",
        "12.5 mJ",
        "2.0 MiB",
    )


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


def test_parts_have_their_rate_or_their_reason(result: OverheadResult) -> None:
    context, copy, wait = part_cells(result.device)
    assert context[2:] == ("context", "505 [493, 518] ms", "–", "3")
    assert copy[4] == "24.8 GB/s"
    assert wait[3].endswith("µs")
    failed = replace(result.device[0], seconds=None, reason="out of memory", processes=0)
    assert part_cells([failed])[0][3:] == ("not measured: out of memory", "–", "0")


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (GPU, "clocks free (not locked), 1,980 of 1,980 MHz, 700 W limit, 54 °C"),
        (
            replace(GPU, locked=True, max_sm_mhz=None),
            "clocks locked, 1,980 MHz, 700 W limit, 54 °C",
        ),
        (GpuState(name="Slide Rule"), "whether clocks are locked is not known"),
        (
            GpuState(name="Slide Rule", locked=False, slowed_by=["power cap"]),
            "clocks free (not locked), in 1 of 1 rows kept down by power cap",
        ),
    ],
)
def test_the_state_of_a_gpu_is_said(state: GpuState, line: str) -> None:
    rows = [measured(gpu=state)]
    assert state_lines(gpu_use(rows)) == [f"Slide Rule: {line}; read while it trained."]


def test_a_name_of_a_file_is_shown_as_text() -> None:
    state = replace(GPU, name="x\x1b[31m" + "y" * 1000)
    (line,) = state_lines(gpu_use([measured(gpu=state)]))
    assert line.isprintable()
    assert len(line) < 200


def test_states_that_differ_are_spans() -> None:
    states = [GPU, replace(GPU, sm_mhz=1755, temperature_celsius=81)]
    (line,) = state_lines(gpu_use([measured(gpu=state) for state in states]))
    assert "1,755–1,980 of 1,980 MHz" in line
    assert "54–81 °C" in line


def test_the_console_has_it_all(result: OverheadResult, capsys: pytest.CaptureFixture[str]) -> None:
    """And of a machine without a device not a word of one."""
    ladder_table.show(result)
    printed = capsys.readouterr().out
    for words in ("On the device", "Around the iterations", "clocks free (not locked)"):
        assert words in printed
    plain = replace(result, rungs=result.rungs[:3], device=[], gpus=[], ceilings=[])
    ladder_table.show(plain)
    printed = capsys.readouterr().out
    assert "device" not in printed.lower()
    assert "clocks" not in printed


def test_a_run_without_a_device_has_no_table_of_one(tmp_path: Path) -> None:
    result = judge_ladder(read_run(keep(tmp_path, LADDER, ladder_rows())))
    assert share_cells(result.rungs) == []
    assert (result.device, result.gpus) == ([], [])
