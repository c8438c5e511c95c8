"""What a ladder says of its rungs where the rows are other than a golden's."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.analysis.overhead.device import device_parts, energy
from perceptron.records.extras import CEILING, DEVICE, ENERGY
from perceptron.analysis.overhead.ladder import OverheadResult, rungs
from perceptron.analysis.overhead.rung import Rung
from perceptron.analysis.select import NOT_REACHED
from perceptron.analysis.stored.runs import judge_ladder
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables import ladder as ladder_page
from tests.made import GPU_LADDER, LADDER, gpu_ladder_rows, keep, ladder_rows, measured

WORK = (74, 212)


def judged(folder: Path, rows: list[Measurement]) -> OverheadResult:
    return judge_ladder(read_run(keep(folder, LADDER, rows)))


def ladder(rows: list[Measurement], work: tuple[int, int] = WORK) -> dict[str, Rung]:
    return {rung.backend: rung for rung in rungs(rows, GPU_LADDER["removes"], {}, work)}


def test_the_sum_of_phases_stands_below_them(tmp_path: Path) -> None:
    """Where two eager backends have phases, each has its own sum."""
    one = judged(tmp_path, ladder_rows())
    both = replace(
        one,
        phases=[replace(phase, backend=name) for name in "ab" for phase in one.phases],
        wholes=[replace(whole, backend=name) for name in "ab" for whole in one.wholes],
    )
    of_one = [row[1] for row in ladder_page.phase_cells(one)]
    cells = ladder_page.phase_cells(both)
    assert [row[:2] for row in cells] == [(name, phase) for name in "ab" for phase in of_one]


def test_a_profiled_count_stands_beside_the_counted(tmp_path: Path) -> None:
    torch, numpy, *_ = judged(tmp_path, ladder_rows()).rungs
    cells = ladder_page.rung_cells([torch, replace(torch, kernels_profiled=14), numpy])
    assert [row[4] for row in cells] == ["17", "17 (profiler 14)", "–"]


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
    from_cache: list[bool | None], seconds: float, cell: str
) -> None:
    """Of processes that took 1 and 4 s."""
    rows = [
        measured(
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
    result = judged(tmp_path, rows)
    assert result.no_floor is not None
    assert result.no_floor.startswith(why)
    assert {rung.ratio_to_floor for rung in result.rungs} == {None}
    assert {rung.ratio_low for rung in result.rungs} == {None}


@pytest.mark.parametrize(
    ("larger", "gflops", "gbytes", "bound"),
    [
        (10_000, 1000, 1000, "calls"),
        (10_000, 20, 1000, "arithmetic"),
        (10_000, 1000, 50, "memory"),
        (1, 1000, 50, "latency"),  # what fits into a cache is not read from memory
        (1, 20, 20, "arithmetic"),  # and may be faster than a copy
    ],
)
def test_what_a_rung_is_bound_by(larger: int, gflops: float, gbytes: float, bound: str) -> None:
    """10 GFLOP/s and 40 GB/s: a tenth of neither ceiling, or the nearer one."""
    ceilings = {"product": 1e9 * gflops, "copy": 1e9 * gbytes}
    rows = [
        replace(row, size=ceilings[str(row.phase)])
        if row.family == CEILING
        else replace(row, seconds=larger * (row.seconds or 0))
        for row in ladder_rows()
    ]
    assert ladder(rows, (1000 * larger, 4000 * larger))["numba"].bound == bound


def test_without_ceilings_of_its_device_a_rung_is_held_against_none() -> None:
    """Never against another device's; one that leaves its device waiting is bound by launches."""
    rows = gpu_ladder_rows()
    of_host = ladder([row for row in rows if (row.family, row.device) != (CEILING, "cuda")])
    assert of_host["torch-cuda"].ceiling is None
    assert of_host["torch-cpu"].ceiling == "numpy (cpu)"
    bare = ladder([row for row in rows if row.family != CEILING])
    assert (bare["torch-cuda"].bound, bare["torch-cpu"].bound) == ("launches", None)


@pytest.mark.parametrize(
    ("busy", "work", "bound"),
    [
        (0.9, WORK, "latency"),
        (None, WORK, None),
        (0.9, (4_000_000_000, 1_000), "arithmetic"),
        (0.9, (1_000, 200_000_000), "memory"),
        (0.9, (1_000, 900_000_000), "latency"),
        (0.9, (4_000_000_000, 900_000_000), "arithmetic"),
    ],
)
def test_what_keeps_a_busy_device(
    busy: float | None, work: tuple[int, int], bound: str | None
) -> None:
    """In 100 µs: 40 of 50 TFLOP/s, 2 of 3 TB/s, or 9 TB/s, which no memory gives.

    Nothing is said of a slow rung whose device does not tell whether it waits.
    """
    rows = [
        replace(row, device_seconds=None if busy is None else busy * (row.seconds or 0))
        if row.device_seconds
        else row
        for row in gpu_ladder_rows()
    ]
    assert ladder(rows, work)["torch-cuda"].bound == bound


@pytest.mark.parametrize("family", ["or-gate", CEILING])
def test_a_contended_rung_or_ceiling_says_of_none_what_bounds_it(family: str) -> None:
    """Its rate is that of waiting: an idle machine may have another limit."""
    rows = [
        replace(row, waited=0.9) if (row.backend, row.family) == ("numpy", family) else row
        for row in gpu_ladder_rows()
    ]
    assert ladder(gpu_ladder_rows())["numpy"].bound == "calls"
    assert ladder(rows)["numpy"].bound is None
    assert ladder(rows)["torch-cuda"].bound == "launches"


def test_a_rung_over_several_devices_is_held_against_none() -> None:
    """The ceilings are those of one; over several processes of the CPU they are the same cores'."""
    by_name = ladder(
        [
            replace(row, processes=2) if row.backend in ("torch-cuda", "torch-cpu") else row
            for row in gpu_ladder_rows()
        ]
    )
    over = by_name["torch-cuda"]
    assert over.seconds_per_iteration is not None
    assert (over.gflops, over.gbytes, over.bound, over.ceiling) == (None,) * 4
    assert by_name["torch-cpu"].gflops is not None


def test_what_a_device_did_not_tell_has_its_reason() -> None:
    """A device that is not there has one part; energy has no counter, or its turn never came."""
    absent = {"backend": "cupy", "status": "skipped", "reason": "no driver"}
    (part,) = device_parts([measured(family=DEVICE, phase="device", **absent)])
    assert (part.seconds, part.reason, part.processes) == (None, "no driver", 0)
    assert energy(gpu_ladder_rows(), "jax-cuda", "cuda").reason == NOT_REACHED
    silent = {"backend": "torch-cuda", "status": "skipped", "reason": "no counter"}
    assert energy([measured(family=ENERGY, **silent)], "torch-cuda", "cuda").reason == "no counter"
