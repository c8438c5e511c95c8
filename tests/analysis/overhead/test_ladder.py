from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.analysis.overhead.ladder import OverheadResult, rungs
from perceptron.analysis.stored.runs import judge_ladder
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables import ladder as ladder_page
from tests.analysis.overhead.conftest import REMOVES
from tests.conftest import MakeRow
from tests.made import LADDER, keep, ladder_rows


def test_each_rung_stands_over_the_floor(overhead: OverheadResult) -> None:
    """In the order of the ladder; processes pair up, so that their spread cancels."""
    assert [rung.backend for rung in overhead.rungs] == list(REMOVES)
    torch, numpy, numba, jax = overhead.rungs
    assert torch.ratio_to_floor == pytest.approx(1000)
    assert torch.ratio_low == pytest.approx(1000)
    assert numpy.ratio_to_floor == pytest.approx(100)
    assert numba.ratio_to_floor == 1
    assert torch.kernels_per_iteration == 13
    assert numba.prepare_seconds == pytest.approx(0.5)
    assert (jax.seconds_per_iteration, jax.reason) == (None, "not installed")


def test_the_harness_is_a_share_of_the_shortest_sample(overhead: OverheadResult) -> None:
    assert overhead.harness_seconds == pytest.approx(1e-7)
    assert overhead.harness_share == pytest.approx(1e-7 / 0.009, rel=0.01)
    assert "0.0011 % of a sample" in ladder_page.harness_line(overhead)


def test_tables_say_all_of_it(overhead: OverheadResult) -> None:
    cells = ladder_page.rung_cells(overhead.rungs)
    assert cells[2][2] == "99.7 [77.7, 128] ns"
    assert cells[2][3] == "1"
    assert cells[3][2] == "not measured: not installed"
    assert [row[1] for row in ladder_page.phase_cells(overhead)] == [
        "forward",
        "backward",
        "optimizer step",
        "all",
    ]
    (limits,) = overhead.ceilings
    assert len(ladder_page.roofline_cells(overhead, limits)) == 3


def test_the_sum_of_phases_stands_below_them(overhead: OverheadResult) -> None:
    """Where two eager backends have phases, each has its own sum."""
    both = replace(
        overhead,
        phases=[replace(phase, backend=name) for name in "ab" for phase in overhead.phases],
        wholes=[replace(whole, backend=name) for name in "ab" for whole in overhead.wholes],
    )
    of_one = [row[1] for row in ladder_page.phase_cells(overhead)]
    cells = ladder_page.phase_cells(both)
    assert [row[:2] for row in cells] == [(name, phase) for name in "ab" for phase in of_one]


def test_a_profiled_count_stands_beside_the_counted(overhead: OverheadResult) -> None:
    torch, numpy, *_ = overhead.rungs
    cells = ladder_page.rung_cells([torch, replace(torch, kernels_profiled=14), numpy])
    assert [row[4] for row in cells] == ["13", "13 (profiler 14)", "–"]


@pytest.mark.parametrize(
    ("from_cache", "seconds", "cell"),
    [
        ([None, None], 2.0, "2.00 s"),
        ([False, False], 2.0, "2.00 s"),
        ([False, True], 1.0, "1.00 s"),
        ([True, True], 2.0, "2.00 s (cached)"),
    ],
)
def test_to_prepare_is_what_compiling_took_unless_nobody_compiled(
    row: MakeRow, from_cache: list[bool | None], seconds: float, cell: str
) -> None:
    """Of processes that took 1 and 4 s."""
    rows = [
        row(
            backend="jax-cpu",
            process=process,
            seconds=1e-6,
            prepare_seconds=1.0 + 3.0 * process,
            prepared_from_cache=cached,
        )
        for process, cached in enumerate(from_cache)
    ]
    (rung,) = rungs(rows, {"jax-cpu": "Python's loop"}, {}, (1, 1))
    assert rung.prepare_seconds == pytest.approx(seconds)
    assert rung.prepared_from_cache == (None if from_cache[0] is None else all(from_cache))
    assert ladder_page.rung_cells([rung])[0][5] == cell


@pytest.mark.parametrize(
    ("doubted", "why"),
    [
        ("left out", "2 of 3 rungs measured"),
        ("contended", "numba against torch-cpu and numpy is undecided"),
        ("one process", "numba against torch-cpu and numpy is undecided"),
        ("tie", "numba against numpy is undecided"),
    ],
)
def test_no_floor_is_named_that_is_not_decided(tmp_path: Path, doubted: str, why: str) -> None:
    """A rung without a time, contention, one process, and a tie."""
    rows = ladder_rows()
    if doubted == "left out":
        rows = [row for row in rows if row.backend != "numba"]
    elif doubted == "one process":
        rows = [row for row in rows if row.process == 0]
    elif doubted == "tie":
        rows = [
            replace(row, seconds=1e-7 * (1.3 - 0.2 * row.process))
            if row.backend == "numpy" and row.phase is None
            else row
            for row in rows
        ]
    else:
        rows = [replace(row, waited=0.9 if row.backend == "numba" else 0.0) for row in rows]
    result = judge_ladder(read_run(keep(tmp_path, LADDER, rows)))
    assert result.no_floor is not None
    assert result.no_floor.startswith(why)
    assert {rung.ratio_to_floor for rung in result.rungs} == {None}
    assert {rung.ratio_low for rung in result.rungs} == {None}
