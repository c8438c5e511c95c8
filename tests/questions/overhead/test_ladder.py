"""What a ladder says of its variants where the rows are other than a golden's."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.questions.overhead.ladder import (
    IterationPhase,
    Ladder,
    Variant,
    device_parts,
    energy,
    iteration_phases,
    ladder,
)
from perceptron.questions.overhead.text import rendered
from perceptron.records.measurement import CEILING, DEVICE, ENERGY, Measurement
from perceptron.statistics.ranking import rank_rows
from perceptron.statistics.select import NOT_REACHED
from tests.made import GPU_LADDER, LADDER, gpu_ladder_rows, ladder_rows, measured
from tests.made_verdicts import CASES, rows_of

WORK = (74, 212)


def judged(
    rows: list[Measurement],
    removes: dict[str, str] = LADDER["removes"],
    work: tuple[int, int] = WORK,
) -> Ladder:
    return ladder(rows, "or-gate", 2, removes, *work, {})


def variants(rows: list[Measurement], work: tuple[int, int] = WORK) -> dict[str, Variant]:
    return {
        variant.backend: variant for variant in judged(rows, GPU_LADDER["removes"], work).variants
    }


@pytest.mark.parametrize(
    ("from_cache", "seconds", "cell"),
    [
        ([None, None], 2.0, "2.00 s"),
        ([False, False], 2.0, "2.00 s"),
        ([False, True], 1.0, "1.00 s"),
        ([True, True], 2.0, "2.00 s (cached)"),
    ],
)
def test_ladder_prepare_time_is_of_compiling_processes(
    from_cache: list[bool | None], seconds: float, cell: str
) -> None:
    """Of processes that took 1 and 4 s."""
    rows = [
        measured(
            backend="jax-cpu",
            repeat=process,
            seconds=1e-6,
            prepare_seconds=1.0 + 3.0 * process,
            prepared_from_cache=cached,
        )
        for process, cached in enumerate(from_cache)
    ]
    judgement = judged(rows, {"jax-cpu": "Python's loop"})
    (variant,), (row,) = judgement.variants, rendered(judgement, rows).tables[0].texts
    assert variant.setup_seconds == pytest.approx(seconds)
    assert variant.prepared_from_cache == (None if from_cache[0] is None else all(from_cache))
    assert row[5] == cell


@pytest.mark.parametrize("name", CASES)
def test_ladder_floor_agrees_with_ranking(name: str) -> None:
    """With its ties; where one variant is open there is none, and ratios are to the fastest."""
    case, rows = CASES[name], rows_of(CASES[name])
    judgement = judged(rows, dict.fromkeys(reversed(case.seconds), "something"))
    assert judgement.ranking == rank_rows(rows)
    (verdict,) = rendered(judgement, rows).verdicts
    assert verdict.decided == case.decided
    assert judgement.floor == ("numpy" if case.decided == "yes" else None)
    ratios = {variant.backend: variant.ratio_low for variant in judgement.variants}
    for backend, ratio in judgement.ranking.ratios.items():
        assert ratios[backend] == (ratio.low if ratio else None)
    assert verdict.sentence.startswith("numpy and numba tie") == bool(case.ties)
    for name in judgement.ranking.open:
        assert name in " ".join((verdict.sentence, *verdict.notes))


def test_ladder_floor_is_open_if_runnable_variant_has_no_time() -> None:
    """One that cannot run does not."""
    rows = [row for row in ladder_rows() if row.backend != "numba"]
    missing = judged(rows)
    assert (missing.floor, missing.ranking.doubts) == (None, {"numba": "not measured"})
    (verdict,) = rendered(missing, rows).verdicts
    assert (verdict.decided, verdict.notes) == ("partly", ("why: 2 of 3 variants measured",))
    refused = measured(backend="numba", status="skipped", reason="no compiler")
    assert judged([*rows, refused]).floor == "numpy"


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
def test_ladder_variant_bound_is_nearest_ceiling(
    larger: int, gflops: float, gbytes: float, bound: str
) -> None:
    """10 GFLOP/s and 40 GB/s: a tenth of neither ceiling, or the nearer one."""
    ceilings = {"product": 1e9 * gflops, "copy": 1e9 * gbytes}
    rows = [
        replace(row, size=ceilings[str(row.phase)])
        if row.family == CEILING
        else replace(row, seconds=larger * (row.seconds or 0))
        for row in ladder_rows()
    ]
    assert variants(rows, (1000 * larger, 4000 * larger))["numba"].bound == bound


def test_ladder_variant_needs_ceilings_of_its_device() -> None:
    """Never against another device's; one that leaves its device waiting is bound by launches."""
    rows = gpu_ladder_rows()
    of_host = variants([row for row in rows if (row.family, row.device) != (CEILING, "cuda")])
    assert of_host["torch-cuda"].ceiling is None
    assert of_host["torch-cpu"].ceiling == "numpy (cpu)"
    bare = variants([row for row in rows if row.family != CEILING])
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
def test_ladder_busy_device_is_bound_by_work_or_memory(
    busy: float | None, work: tuple[int, int], bound: str | None
) -> None:
    """In 100 µs: 40 of 50 TFLOP/s, 2 of 3 TB/s, or 9 TB/s, which no memory gives.

    Nothing is said of a slow variant whose device does not tell whether it waits.
    """
    rows = [
        replace(row, device_seconds=None if busy is None else busy * (row.seconds or 0))
        if row.device_seconds
        else row
        for row in gpu_ladder_rows()
    ]
    assert variants(rows, work)["torch-cuda"].bound == bound


@pytest.mark.parametrize("family", ["or-gate", CEILING])
def test_ladder_contended_variant_has_no_bound(family: str) -> None:
    """Its rate is that of waiting: an idle machine may have another limit."""
    rows = [
        replace(row, waited=0.9) if (row.backend, row.family) == ("numpy", family) else row
        for row in gpu_ladder_rows()
    ]
    assert variants(gpu_ladder_rows())["numpy"].bound == "calls"
    assert variants(rows)["numpy"].bound is None
    assert variants(rows)["torch-cuda"].bound == "launches"


def test_ladder_variant_over_several_devices_has_no_ceiling() -> None:
    """The ceilings are those of one; over several processes of the CPU they are the same cores'."""
    by_name = variants(
        [
            replace(row, processes=2) if row.backend in ("torch-cuda", "torch-cpu") else row
            for row in gpu_ladder_rows()
        ]
    )
    over = by_name["torch-cuda"]
    assert over.seconds_per_iteration is not None
    assert (over.gflops, over.gbytes, over.bound, over.ceiling) == (None,) * 4
    assert by_name["torch-cpu"].gflops is not None


def test_ladder_missing_device_data_has_reason() -> None:
    """A device that is not there has one part; energy has no counter, or its turn never came."""
    absent = {"backend": "cupy", "status": "skipped", "reason": "no driver"}
    (part,) = device_parts([measured(family=DEVICE, phase="device", **absent)])
    assert (part.seconds, part.reason, part.processes) == (None, "no driver", 0)
    assert energy(gpu_ladder_rows(), "jax-cuda", "cuda") == (None, NOT_REACHED)
    silent = {"backend": "torch-cuda", "status": "skipped", "reason": "no counter"}
    rows = [measured(family=ENERGY, **silent)]
    assert energy(rows, "torch-cuda", "cuda") == (None, "no counter")


def test_contention_leaves_a_phase_undecided() -> None:
    """With no interval and no share; a little waiting widens the interval instead."""

    def waited(share: float) -> dict[str, IterationPhase]:
        rows = [
            replace(row, waited=share if row.phase == "backward" else 0.2 * share)
            for row in ladder_rows()
        ]
        return {phase.phase: phase for phase in iteration_phases(rows, "torch-cpu")}

    assert [waited(0.9)[name].low is None for name in ("forward", "backward")] == [False, True]
    idle, little = waited(0.0)["backward"], waited(0.1)["backward"]
    assert little.low < idle.low - 0.05 * 7e-5


def test_ladder_phases_need_both_loops_of_a_process() -> None:
    """A difference needs both loops of one process, and its interval several processes."""
    rows = [row for row in ladder_rows() if (row.repeat, row.phase) != (1, "forward")]
    (forward, backward, _) = iteration_phases(rows, "torch-cpu")
    assert forward.seconds_per_iteration == pytest.approx(1.01 * 2e-5)
    assert backward.seconds_per_iteration == pytest.approx(1.01 * 5e-5)
    alone = iteration_phases([row for row in rows if row.repeat == 0], "torch-cpu")
    assert {(phase.low, phase.high) for phase in alone} == {(None, None)}
