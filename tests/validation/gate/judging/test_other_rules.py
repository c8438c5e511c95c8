"""The other tools' rules are theirs: where a tool is installed, it is the oracle."""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest
from asv import _stats
from asv.commands.compare import _is_result_better
from asv_runner.statistics import compute_stats
from hypothesis import given
from hypothesis import strategies as st
from pytest_benchmark.utils import parse_compare_fail
from scipy import stats

from benchmarks.validation.gate.judging.other_rules import (
    OTHERS,
    asv,
    mann_whitney,
    pyperf,
    pytest_benchmark,
)

SAMPLES = st.lists(st.integers(90, 120), min_size=21, max_size=60).map(np.array)


@given(SAMPLES, SAMPLES)
def test_mann_whitney_is_that_of_asv_ties_and_all(base: np.ndarray, head: np.ndarray) -> None:
    """Whole numbers of a narrow range are full of ties."""
    _, expected = _stats.mann_whitney_u(base.tolist(), head.tolist())
    assert mann_whitney(base, head) == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("factor", [1.05, 1.1])
@pytest.mark.parametrize("slower", [1.0, 1.04, 1.06, 1.09, 1.12])
@pytest.mark.parametrize("spread", [0.01, 0.1])
def test_asv_judges_as_asv_does(factor: float, slower: float, spread: float) -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        base = random.lognormal(0, spread, 50)
        head = slower * random.lognormal(0, spread, 50)
        kept = [
            (compute_stats(samples.tolist(), 1)[1], samples.tolist()) for samples in (base, head)
        ]
        expected = _is_result_better(median(base), median(head), kept[0], kept[1], factor)
        assert asv(base, head, factor) == expected


@given(SAMPLES, SAMPLES)
def test_pytest_benchmark_fails_where_its_own_check_does(
    base: np.ndarray, head: np.ndarray
) -> None:
    check = parse_compare_fail("mean:5%")
    failed = check.fails({"mean": head.mean()}, {"mean": base.mean()})
    assert pytest_benchmark(base, head) == bool(failed)


@given(st.integers(5, 60), st.floats(-1, 1), st.integers(0, 99))
def test_pyperf_is_students_test_with_pooled_variance(count: int, shift: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    base, head = random.normal(10, 1, count), random.normal(10 + shift, 2, count)
    test = stats.ttest_ind(head, base, equal_var=True)
    slower = test.pvalue < 0.05 and head.mean() > base.mean()
    assert pyperf(base, head) == slower


def test_pyperf_takes_samples_without_variance_at_their_word() -> None:
    assert pyperf(np.full(5, 1.0), np.full(5, 1.001))
    assert not pyperf(np.full(5, 1.0), np.full(5, 1.0))


@pytest.mark.parametrize("name", OTHERS)
def test_each_rule_finds_a_doubling_and_no_rule_calls_faster_slower(name: str) -> None:
    base = np.random.default_rng(5).lognormal(0, 0.01, 50)
    assert OTHERS[name](base, 2 * base)
    assert not OTHERS[name](2 * base, base)
