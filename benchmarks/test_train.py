"""pytest-benchmark: the same cases as `train`, for ``pytest benchmarks/ --benchmark-json FILE``."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.cases import CASES, DTYPE, Case, NotHere, prepare
from perceptron.backends import registry
from perceptron.measure.rows import problem_fields
from perceptron.problems import catalogue


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.problem}-{case.backend}")
def test_train(benchmark: BenchmarkFixture, case: Case) -> None:
    """Time a body of iterations from the start parameters; store the fields of its row."""
    try:
        trainer = prepare(case)
    except NotHere as reason:
        pytest.skip(str(reason))
    problem = catalogue.find(case.problem)
    benchmark.group = case.problem
    benchmark.extra_info |= {
        **problem_fields(problem),
        "backend": case.backend,
        "device": registry.load(case.backend).device,
        "dtype": DTYPE,
        "iterations": case.iterations,
    }
    benchmark.pedantic(trainer.train, args=(case.iterations,), setup=trainer.reset, rounds=5)
