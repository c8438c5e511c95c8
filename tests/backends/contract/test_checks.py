from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.contract import checks
from perceptron.backends.contract.checks import ContractCheck
from perceptron.backends.protocol import Backend, Unsupported
from perceptron.problems.problem import DTYPES, DType, Problem


def backends() -> list[object]:
    """Every backend of the registry; those that cannot run here are skipped for their reason."""
    found = []
    for name in registry.names():
        reason = registry.reason_unavailable(name)
        marks = [pytest.mark.skip(reason=f"{name}: {reason}")] if reason else []
        if registry.load(name).device == "cuda":
            marks.append(pytest.mark.gpu)
        found.append(pytest.param(registry.load(name), id=name, marks=marks))
    return found


# Compiling takes its time for each problem and dtype; `perceptron check` tries all of them.
_KINDS = ("or-gate", "xor-hidden", "perceptron-features:8", "mlp-depth:2")
COMPILED = {
    "torch-cpu-compiled": ("or-gate", "mlp-depth:2"),
    "jax-cpu": _KINDS,
    "numba": _KINDS,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("problem", checks.problems(), ids=lambda each: each.name)
@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda each: each.name)
@pytest.mark.parametrize("backend", backends())
def test_every_backend_keeps_every_promise(
    backend: Backend, check: ContractCheck, problem: Problem, dtype: DType
) -> None:
    """One contract for all: what the suite relies on holds for each backend it times."""
    if problem.name not in COMPILED.get(backend.name, (problem.name,)):
        pytest.skip(f"{backend.name}: compiles; some problems stand for all")
    try:
        check.run(backend, problem, dtype)
    except Unsupported as reason:
        pytest.skip(f"{backend.name}: {reason}")


@pytest.mark.parametrize("name", registry.names())
def test_a_backend_that_cannot_run_says_so_in_one_line(name: str) -> None:
    """The same line goes to the console, pytest's skips and the page."""
    reason = registry.reason_unavailable(name)
    assert reason is None or (reason and "\n" not in reason)


@pytest.mark.parametrize("name", registry.names())
def test_threads_are_set_by_the_environment(name: str) -> None:
    """Each backend's worker is told the number of threads before it starts."""
    assert registry.load(name).environment(3)["OMP_NUM_THREADS"] == "3"
