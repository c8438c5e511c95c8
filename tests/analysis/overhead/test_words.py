"""A cost breakdown in words and figures, where rows are other than a golden's."""

from __future__ import annotations

import io
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from perceptron.analysis.overhead.ladder import Ladder, Rung, ladder
from perceptron.analysis.overhead.words import told
from perceptron.answer import Answer, Table
from perceptron.figure import LineFigure
from perceptron.report.tables import answer as in_terminal
from perceptron.report.tables import terminal
from tests.made import GPU_LADDER, LADDER, gpu_ladder_rows, ladder_rows

ROWS = gpu_ladder_rows()
FOUND = ladder(ROWS, "or-gate", 2, GPU_LADDER["removes"], 74, 212, {})
CUDA = next(rung for rung in FOUND.rungs if rung.backend == "torch-cuda")


def answer(found: Ladder) -> Answer:
    return told(found, ROWS, (), ())


def table(found: Ladder, title: str) -> Table:
    return next(one for one in answer(found).tables if one.title.startswith(title))


def notes(found: Ladder) -> list[str]:
    return [note.text for note in answer(found).notes]


def changed(**fields: Any) -> Rung:
    return replace(CUDA, **fields)


def test_rungs_without_a_roof_are_named() -> None:
    line = "No ceiling of cuda was measured to compare torch-cuda with."
    assert line not in notes(FOUND)
    of_host = [one for one in FOUND.ceilings if one.device == "cpu"]
    assert line in notes(replace(FOUND, ceilings=of_host))
    assert not any("ceiling" in note for note in notes(replace(FOUND, ceilings=[])))


def test_the_sum_of_phases_stands_below_them() -> None:
    """Where two eager backends have phases, each has its own sum."""
    phases = [replace(phase, backend=name) for name in "ab" for phase in FOUND.phases]
    wholes = [replace(whole, backend=name) for name in "ab" for whole in FOUND.wholes]
    rows = table(replace(FOUND, phases=phases, wholes=wholes), "Inside").rows
    of_one = [row[1] for row in table(FOUND, "Inside").rows]
    assert [row[:2] for row in rows] == [(name, phase) for name in "ab" for phase in of_one]


def test_no_phase_takes_less_than_no_time() -> None:
    phases = [replace(FOUND.phases[0], seconds_per_iteration=6e-8, low=-3e-5, high=3e-5)]
    assert table(replace(FOUND, phases=phases), "Inside").rows[0][2] == "at most 30.0 µs"


def test_a_profiled_count_stands_beside_the_counted() -> None:
    torch, numpy, *_ = FOUND.rungs
    counted = replace(torch, kernels_per_iteration=17)
    once = replace(counted, kernels_profiled=0.05)  # one kernel for twenty iterations
    rungs = [counted, replace(counted, kernels_profiled=14), once, numpy]
    rows = table(replace(FOUND, rungs=rungs), "or-gate: one iteration").rows
    assert [row[4] for row in rows] == ["17", "17 (profiler 14)", "17 (profiler 0.05)", "–"]


@pytest.mark.parametrize("width", [80, 200])
def test_a_ladder_is_readable_on_a_common_terminal(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Names are whole; what rungs remove has a table of its own where one would be too wide."""
    name = "torch-cuda-manual-graph"
    rung = changed(
        backend=name,
        kernels_per_iteration=12,
        kernels_profiled=14,
        prepare_seconds=12.3,
        prepared_from_cache=True,
        removes="the launches from Python: ten recorded steps in one call",
    )
    screen = io.StringIO()
    for module in (terminal, in_terminal):
        monkeypatch.setattr(module, "out", Console(file=screen, width=width, highlight=False))
    in_terminal.show(answer(replace(FOUND, rungs=[*FOUND.rungs, rung])))
    text = screen.getvalue()
    of_rungs = text[: text.index("Inside one eager iteration")]
    is_split = width < 200
    assert ("What each rung removes" in text) == is_split
    assert of_rungs.split().count(name) == 1 + is_split
    assert max(map(len, of_rungs.splitlines())) <= width
    assert len(of_rungs.splitlines()) < 45


def test_what_is_not_known_is_not_guessed() -> None:
    silent = changed(
        device_seconds=None,
        busy_share=None,
        energy_joules_per_iteration=None,
        energy_reason="no counter",
        peak_bytes=None,
    )
    found = replace(FOUND, rungs=[silent, replace(silent, backend="cupy"), CUDA])
    assert table(found, "On the device").rows[0][2:] == ("–", "–", "unknown", "–", "–")
    assert "The energy of torch-cuda, cupy was not measured: no counter." in notes(found)


def test_a_part_that_failed_has_its_reason() -> None:
    failed = replace(FOUND.device[0], seconds=None, reason="out of memory", processes=0)
    (row,) = table(replace(FOUND, device=[failed]), "Around").rows
    assert row[3:] == ("not measured: out of memory", "–", "0")


def test_a_run_without_a_device_has_not_a_word_of_one() -> None:
    rows = ladder_rows()
    found = told(ladder(rows, "or-gate", 2, LADDER["removes"], 74, 212, {}), rows, (), ())
    words = [note.text for note in found.notes]
    words += [cell for one in found.tables for row in one.rows for cell in (one.title, *row)]
    assert not any(word in text.lower() for text in words for word in ("device", "clocks"))


def test_a_ladder_without_a_time_has_no_figure_of_it() -> None:
    empty = [replace(rung, seconds_per_iteration=None) for rung in FOUND.rungs]
    assert answer(replace(FOUND, rungs=empty)).figures[0].drawing is None


def test_the_roof_bends_where_copy_and_product_meet() -> None:
    """Below it a point says how busy its device is."""
    *_, host, device = (figure.drawing for figure in answer(FOUND).figures)
    assert isinstance(host, LineFigure)
    assert isinstance(device, LineFigure)
    limits = next(one for one in FOUND.ceilings if one.device == "cpu")
    (low, slope), *flat = host.inked
    assert slope == pytest.approx(low * limits.gbytes)
    assert flat[0] == (pytest.approx(limits.gflops / limits.gbytes), limits.gflops)
    assert flat[1][1] == limits.gflops
    assert device.lines[0].texts[0].endswith("bound by launches, device busy 4%")
