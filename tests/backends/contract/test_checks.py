from __future__ import annotations

import pytest

from perceptron.backends import registry
from perceptron.backends.contract import checks
from perceptron.backends.protocol import Backend
from perceptron.problems.problem import DTYPES, DType, Problem
from tests.backends.conftest import broken_promises, marks

# Compiling takes its time for each problem and dtype; `perceptron check` tries all of them.
_KINDS = ("or-gate", "xor-hidden", "perceptron-features:8", "mlp-depth:2")
COMPILED = {
    "torch-cpu-compiled": ("or-gate", "mlp-depth:2", "batches-adam"),
    "jax-cpu": (*_KINDS, "batches-adam"),
    "numba": (*_KINDS, "batches-momentum"),
}


def cases() -> list[object]:
    """Return every backend with its problems and dtypes; one skip for one that cannot run here."""
    params: list[object] = []
    for name in registry.names():
        backend = registry.load(name)
        if registry.reason_unavailable(name):
            params.append(pytest.param(backend, None, None, id=name, marks=marks(name)))
            continue
        params += [
            pytest.param(
                backend, problem, dtype, id=f"{name}-{problem.name}-{dtype}", marks=marks(name)
            )
            for problem in checks.problems()
            for dtype in DTYPES
            if problem.name in COMPILED.get(name, (problem.name,))
        ]
    return params


@pytest.mark.parametrize(("backend", "problem", "dtype"), cases())
def test_every_backend_keeps_every_promise(
    backend: Backend, problem: Problem, dtype: DType
) -> None:
    """One contract for all: what the suite relies on holds for each backend it times."""
    assert broken_promises(backend, problem, dtype) == []


@pytest.mark.parametrize("name", registry.names())
def test_a_backend_that_cannot_run_says_so_in_one_line(name: str) -> None:
    """The same line goes to the console, pytest's skips and the page."""
    reason = registry.reason_unavailable(name)
    assert reason is None or (reason and "\n" not in reason)


@pytest.mark.parametrize("name", registry.names())
def test_every_backend_has_what_the_protocol_asks_for(name: str) -> None:
    backend = registry.load(name)
    assert isinstance(backend, Backend)
    assert backend.name == name


@pytest.mark.parametrize("name", registry.names())
def test_threads_are_set_by_the_environment(name: str) -> None:
    """A backend's worker gets the number of threads before it starts."""
    variables = registry.load(name).environment(3)
    assert variables["OMP_NUM_THREADS"] == variables["OPENBLAS_NUM_THREADS"] == "3"
