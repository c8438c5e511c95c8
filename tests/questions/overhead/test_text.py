"""A cost breakdown in words and figures, where rows are other than a golden's."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.answer import Answer, Table
from perceptron.questions.overhead.ladder import Ladder, ladder
from perceptron.questions.overhead.text import rendered
from tests.made import GPU_LADDER, LADDER, gpu_ladder_rows, ladder_rows
from tests.made_verdicts import CASES, Case, rows_of

ROWS = gpu_ladder_rows()
NOISY_SECONDS = CASES["noisy"].seconds["numba"]
FOUND = ladder(ROWS, "or-gate", 2, GPU_LADDER["removes"], 74, 212, {})


def answer(judged: Ladder) -> Answer:
    return rendered(judged, ROWS)


def table(judged: Ladder, title: str) -> Table:
    return next(table for table in answer(judged).tables if table.title.startswith(title))


def test_overhead_text_phase_bounds_are_not_negative() -> None:
    phases = [replace(FOUND.phases[0], seconds_per_iteration=6e-8, low=-3e-5, high=3e-5)]
    assert table(replace(FOUND, phases=phases), "Inside").texts[0][2] == "at most 30.0 µs"


def test_overhead_text_shows_profiled_beside_counted_kernels() -> None:
    torch, numpy, *_ = FOUND.variants
    counted = replace(torch, kernels_per_iteration=17)
    once = replace(counted, kernels_profiled=0.05)  # one kernel for twenty iterations
    variants = [counted, replace(counted, kernels_profiled=14), once, numpy]
    rows = table(replace(FOUND, variants=variants), "or-gate: one iteration").texts
    assert [row[4] for row in rows] == ["17", "17 (profiler 14)", "17 (profiler 0.05)", "–"]


def test_rungs_that_waited_throughout_have_a_rough_answer() -> None:
    """By the smallest samples of their processes, and it decides nothing."""
    seconds = {"torch-cpu": 34e-6, "numpy": 4e-6, "numba": 2e-6}
    rows = [
        replace(
            row,
            waited=0.6,
            seconds=seconds[row.backend] * 9,
            samples=[seconds[row.backend] * (1 if row.repeat == 1 else 50)],
        )
        if row.phase is None and row.backend in seconds
        else row
        for row in ladder_rows()
    ]
    judged = ladder(rows, "or-gate", 2, LADDER["removes"], 74, 212, {})
    (verdict,) = rendered(judged, rows).verdicts
    assert (verdict.decided, verdict.sentence) == (
        "no",
        "numba leads, numpy takes about 2.00× as long, not decided: every sample was contended",
    )
    assert verdict.notes == ("why: too busy to compare; next: --wait or --threads 1",)


def test_overhead_text_contended_floor_leaves_others_decided() -> None:
    """The answer is in part known; what the smallest samples say of the two is a note."""
    seconds = {"torch-cpu": 34e-6, "numpy": 2.2e-6, "numba": 2e-6}
    rows = [
        replace(
            row,
            waited=0.2,
            seconds=seconds[row.backend] * 1.5,
            samples=[seconds[row.backend]] * 2,
        )
        if row.phase is None and row.backend in seconds
        else row
        for row in ladder_rows()
    ]
    judged = ladder(rows, "or-gate", 2, LADDER["removes"], 74, 212, {})
    (verdict,) = rendered(judged, rows).verdicts
    assert verdict.decided == "partly"
    assert verdict.sentence.startswith("undecided between numba and numpy; torch-cpu takes ")
    assert verdict.notes == (
        "why: too busy to compare numba and numpy",
        "rough: numba leads, numpy takes about 1.10× as long, not decided: every sample was "
        "contended; too busy to compare; next: --wait or --threads 1",
    )


@pytest.mark.parametrize(
    ("removes", "sentence"),
    [
        (
            ("torch-cpu", "numpy", "numba"),
            "undecided between numpy and numba; torch-cpu takes 2.00× as long",
        ),
        (
            ("torch-cpu", "numpy", "jax-cpu"),
            "the fastest variant is undecided; torch-cpu takes 2.00× as long as numpy",
        ),
    ],
)
def test_overhead_text_open_floor_states_known_ratio(
    removes: tuple[str, ...], sentence: str
) -> None:
    """Of three: the first takes twice as long for sure, be the last noisy or not measured."""
    case = Case(
        seconds={"numpy": (1e-3,) * 7, "torch-cpu": (2e-3,) * 7, "numba": NOISY_SECONDS},
        decided="partly",
    )
    rows = [row for row in rows_of(case) if row.backend in removes]
    judged = ladder(rows, "or-gate", 2, dict.fromkeys(removes, "something"), 74, 212, {})
    (verdict,), (table, *_) = answer(judged).verdicts, answer(judged).tables
    assert (verdict.decided, verdict.sentence, judged.floor) == ("partly", sentence, None)
    assert table.columns[3] == "× numpy"
    assert [row[3] for row in table.texts][:2] == ["2.00 [2.00, 2.00]", "1"]


@pytest.mark.parametrize("removes", [("numpy", "torch-cpu"), ("torch-cpu", "numpy")])
def test_overhead_text_ratio_stands_beside_floor(removes: tuple[str, ...]) -> None:
    """Also where the first variant is the floor, as of backends that a user names in any order."""
    case = Case(seconds={"numpy": (1e-3,) * 7, "torch-cpu": (2e-3,) * 7}, decided="yes")
    judged = ladder(rows_of(case), "or-gate", 2, dict.fromkeys(removes, "something"), 74, 212, {})
    (verdict,) = answer(judged).verdicts
    assert (verdict.decided, judged.floor) == ("yes", "numpy")
    assert verdict.sentence.endswith("an iteration, 2.00× the fastest variant (numpy)")


def test_overhead_roofline_bends_where_copy_meets_product() -> None:
    """Below it a point says how busy its device is."""
    *_, host, device = (figure.drawing for figure in answer(FOUND).figures)
    limits = next(ceiling for ceiling in FOUND.ceilings if ceiling.device == "cpu")
    (low, slope), *flat = host.inked
    assert slope == pytest.approx(low * limits.gbytes)
    assert flat[0] == (pytest.approx(limits.gflops / limits.gbytes), limits.gflops)
    assert flat[1][1] == limits.gflops
    assert device.lines[0].texts[0].endswith("bound by launches, device busy 4%")
