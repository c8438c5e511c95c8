from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from perceptron.analysis.overhead.iteration_phases import phases
from perceptron.analysis.overhead.ladder import HARNESS, OverheadResult, ladder, rungs
from perceptron.analysis.overhead.roofline import CEILING
from perceptron.records.environment import Environment
from perceptron.records.measurement import Measurement
from perceptron.report.tables import ladder as ladder_page
from tests.conftest import MakeRow

REMOVES = {"torch-cpu": "nothing", "numpy": "the framework", "numba": "the rest", "jax-cpu": "?"}
WORK = (1000, 4000)


def made(row: MakeRow) -> list[Measurement]:
    """Three processes: torch 100 µs in phases of 20, 50 and 30, numpy 10 µs, numba 0.1 µs."""
    rows = []
    for process, factor in enumerate((0.9, 1.0, 1.1)):
        for backend, seconds in {"torch-cpu": 1e-4, "numpy": 1e-5, "numba": 1e-7}.items():
            rows.append(
                row(
                    family="or-gate",
                    problem="or-gate",
                    backend=backend,
                    process=process,
                    seconds=seconds * factor,
                    samples=[seconds * factor],
                    iterations=int(0.01 / seconds),
                    prepare_seconds=0.5 if backend == "numba" else 1e-3,
                )
            )
        upto = {"forward": 2e-5, "backward": 7e-5, "optimizer step": 1e-4}
        rows += [
            row(
                family="or-gate",
                problem="or-gate",
                backend="torch-cpu",
                process=process,
                phase=phase,
                seconds=seconds * factor,
            )
            for phase, seconds in upto.items()
        ]
    rows.append(row(family="or-gate", backend="jax-cpu", status="skipped", reason="not installed"))
    return rows


def with_ceilings(row: MakeRow, gflops: float, gbytes: float) -> list[Measurement]:
    """A product and a copy that took a second each, in two processes, one of them disturbed."""
    return [
        row(family=CEILING, phase=phase, size=size * 1e9, process=process, seconds=1.0 + process)
        for phase, size in (("product", gflops), ("copy", gbytes))
        for process in (0, 1)
    ]


@pytest.fixture
def found(row: MakeRow, environment: Environment) -> OverheadResult:
    rows = made(row) + with_ceilings(row, 100, 10)
    rows.append(row(family=HARNESS, phase="call", seconds=1e-7))
    return ladder(
        rows,
        problem="or-gate",
        removes=REMOVES,
        kernels={"torch-cpu": 13},
        work=WORK,
        threads=2,
        results=Path("results"),
        environment=environment,
        warnings=[],
    )


def test_each_rung_stands_over_the_floor(found: OverheadResult) -> None:
    """In the order of the ladder; processes pair up, so that their spread cancels."""
    assert [rung.backend for rung in found.rungs] == list(REMOVES)
    torch, numpy, numba, jax = found.rungs
    assert torch.ratio_to_floor == pytest.approx(1000)
    assert torch.ratio_low == pytest.approx(1000)
    assert numpy.ratio_to_floor == pytest.approx(100)
    assert numba.ratio_to_floor == 1
    assert torch.kernels_per_iteration == 13
    assert numba.prepare_seconds == pytest.approx(0.5)
    assert (jax.seconds_per_iteration, jax.reason) == (None, "not installed")


def test_phases_are_differences_process_by_process(found: OverheadResult) -> None:
    """Each loop holds one phase more than the last; the whole is measured by itself."""
    told = {phase.phase: phase.seconds_per_iteration for phase in found.phases}
    assert told == pytest.approx({"forward": 2e-5, "backward": 5e-5, "optimizer step": 3e-5})
    (whole,) = found.wholes
    assert whole.phases_seconds == pytest.approx(whole.seconds_per_iteration, rel=0.01)
    backward = found.phases[1]
    assert backward.low is not None
    assert backward.high is not None
    assert backward.low < 5e-5 < backward.high


def test_a_process_that_lacks_a_loop_lends_nothing(row: MakeRow) -> None:
    """A difference needs both loops of one process."""
    rows = [each for each in made(row) if not (each.process == 1 and each.phase == "forward")]
    (forward, backward, _) = phases(rows, "torch-cpu")
    assert forward.seconds_per_iteration == pytest.approx(2e-5)
    assert backward.seconds_per_iteration == pytest.approx(5e-5)


@pytest.mark.parametrize(
    ("gflops", "gbytes", "bound"),
    [(1000, 1000, "calls"), (20, 1000, "arithmetic"), (1000, 50, "memory")],
)
def test_what_a_rung_is_bound_by(row: MakeRow, gflops: float, gbytes: float, bound: str) -> None:
    """10 GFLOP/s and 40 GB/s: a tenth of neither ceiling, or the nearer one."""
    slow = [
        msgspec.structs.replace(each, seconds=each.seconds * 1e4) if each.seconds else each
        for each in made(row)
    ]
    rows = slow + with_ceilings(row, gflops, gbytes)
    scaled = rungs(rows, REMOVES, {}, (WORK[0] * 10_000, WORK[1] * 10_000))
    numba = scaled[2]
    assert numba.gflops == pytest.approx(10, rel=0.02)
    assert numba.gbytes == pytest.approx(40, rel=0.02)
    assert numba.bound == bound


def test_what_fits_into_a_cache_is_not_bound_by_memory(row: MakeRow) -> None:
    """40 GB/s of 50 that were never read from memory: the arithmetic waits for itself."""
    rows = made(row) + with_ceilings(row, 1000, 50)
    assert rungs(rows, REMOVES, {}, WORK)[2].bound == "latency"


def test_the_harness_is_a_share_of_the_shortest_sample(found: OverheadResult) -> None:
    assert found.harness_seconds == pytest.approx(1e-7)
    assert found.harness_share == pytest.approx(1e-7 / 0.009, rel=0.01)
    assert "0.0011 % of a sample" in ladder_page.harness_line(found)


def test_the_published_times_belong_to_their_problem(found: OverheadResult) -> None:
    assert found.published["torch-cuda"] == pytest.approx(2.31e-3)


def test_tables_say_all_of_it(found: OverheadResult) -> None:
    cells = ladder_page.rung_cells(found.rungs)
    assert cells[2][2] == "99.7 [77.7, 128] ns"
    assert cells[2][3] == "1"
    assert cells[3][2] == "not measured: not installed"
    assert [row[1] for row in ladder_page.phase_cells(found)] == [
        "forward",
        "backward",
        "optimizer step",
        "all",
    ]
    assert len(ladder_page.roofline_cells(found)) == 3
