from __future__ import annotations

import subprocess
import sys
from math import exp, log
from statistics import median

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perceptron.analysis.cost_curve import FEWEST, CostCurve, fit
from perceptron.analysis.work import Work
from tests import made_work
from tests.made_work import drawn, measured, rows_of_two, slower

AMOUNTS = ("operations", "bytes_moved", "parameters", "activations", "state_arrays")


@pytest.fixture(scope="module")
def curve() -> CostCurve:
    return fit(rows_of_two(40))["numpy"]


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.floats(1e-8, 1e2)), min_size=FEWEST, max_size=12)
)
def test_no_cost_is_negative(times: list[tuple[int, float]]) -> None:
    """Whatever was measured, and estimates are times."""
    rows = [measured(drawn(seed), seconds=seconds) for seed, seconds in times]
    for curve in fit(rows).values():
        assert all(cost >= 0 for cost in (*curve.coefficients, *curve.prepare))
        estimate = curve.seconds(drawn(-1))
        assert 0 < estimate.low <= estimate.seconds <= estimate.high


@given(st.integers(0, 10**6), st.sampled_from(AMOUNTS), st.integers(1, 10**12))
def test_the_costs_grow_with_the_work(curve: CostCurve, seed: int, amount: str, more: int) -> None:
    """Far from all measured shapes nothing else is left of an estimate."""
    of = drawn(seed)
    larger = replace(of, **{amount: getattr(of, amount) + more})
    assert curve.plain_seconds(larger) >= curve.plain_seconds(of)
    deeper = replace(of, shape=replace(of.shape, hidden=(*of.shape.hidden, 1)))
    assert curve.plain_seconds(deeper) > curve.plain_seconds(of)


def test_estimates_are_near_times_of_shapes_that_were_not_measured() -> None:
    curves = fit(rows_of_two(60))
    for name, call, rate in (("numpy", 1e-5, 1e9), ("torch-cpu", 1e-4, 1e10)):
        off = []
        for seed in range(1000, 1040):
            of = drawn(seed)
            off.append(
                abs(log(curves[name].seconds(of).seconds / made_work.seconds(of, call, rate)))
            )
        assert median(off) < 0.1
        assert max(off) < 0.5


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_one_absurd_row_does_not_decide(factor: float) -> None:
    """Whether far too fast or far too slow, estimates stay what the others say."""
    rows = [row for row in rows_of_two(39) if row.backend == "numpy"]
    absurd = rows[7]
    rows[7] = slower(absurd, factor)
    curve = fit(rows)["numpy"]
    off = []
    for of in (absurd.work, *map(drawn, range(1000, 1020))):
        estimate = curve.seconds(of)
        off.append(abs(log(estimate.seconds / made_work.seconds(of, 1e-5, 1e9))))
        assert estimate.high / estimate.low < 20
    assert median(off) < 0.1
    assert max(off) < 0.7


def test_a_measured_shape_corrects_its_neighbours() -> None:
    """A dent that no sum of costs explains: estimates follow it nearby, and not far away."""
    dented = range(100, 116)

    def taken(of: Work, width: int) -> float:
        return made_work.seconds(of, 1e-5, 1e9) * (3.0 if width in dented else 1.0)

    widths = [*range(4, 100, 8), *range(100, 116, 3), *range(120, 400, 20)]
    works = {width: made_work.work(hidden=(width,)) for width in (*widths, 108, 300)}
    rows = [measured(works[width], seconds=taken(works[width], width)) for width in widths]
    curve = fit(rows)["numpy"]
    inside, outside = works[108], works[300]
    assert curve.seconds(inside).seconds / taken(inside, 108) == pytest.approx(1, abs=0.25)
    assert curve.plain_seconds(inside) / taken(inside, 108) < 0.6
    assert curve.seconds(outside).seconds / taken(outside, 300) == pytest.approx(1, abs=0.25)


def test_far_from_what_was_measured_the_interval_is_wider() -> None:
    rows = [slower(row, exp(0.3 * (-1) ** index)) for index, row in enumerate(rows_of_two(30))]
    curve = fit(rows)["numpy"]
    near, far = curve.seconds(rows[0].work), curve.seconds(made_work.work(rows=10**8, features=1))
    assert far.distance > near.distance == 0
    assert far.high / far.low >= near.high / near.low > 1


def test_few_shapes_have_no_curve_and_the_newest_row_of_one_counts() -> None:
    rows = [measured(drawn(seed), seconds=1e-3) for seed in range(FEWEST - 1)]
    assert fit(rows) == {}
    old = [measured(drawn(0), seconds=1e-3 * n, when=f"2025-01-0{n}") for n in range(1, 9)]
    assert fit([*rows, *old]) == {}


def test_neither_evaluating_nor_importing_needs_scipy(curve: CostCurve) -> None:
    code = (
        "import sys; from perceptron.analysis.cost_curve import CostCurve; import msgspec;"
        "msgspec.json.decode(sys.stdin.read(), type=CostCurve);"
        "print('scipy' in sys.modules or 'torch' in sys.modules)"
    )
    text = msgspec.json.encode(curve).decode()
    answer = subprocess.run(
        [sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "False\n"
