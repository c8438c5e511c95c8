from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from perceptron.backends import registry
from perceptron.backends.contract.checks import NOTICED
from perceptron.backends.contract.mutants import mutations
from perceptron.backends.contract.problems import problems
from perceptron.backends.protocol import Backend
from perceptron.problems.problem import DTYPES, DType, Problem
from tests.backends.conftest import (
    MISTAKEN,
    SHORT,
    broken_promises,
    marks,
    trains_models_only,
)

# Compiling takes its time for each problem and dtype, and so does what has processes of its own;
# `perceptron check` tries all of them.
FEW = {
    "torch-cpu-compiled": ("batches-adam",),  # all rows at once: test_golden
    "jax-cpu": ("or-gate", "mlp-depth:2", "batches-adam", "folds-adam"),
    "numba": ("or-gate", "xor-hidden", "mlp-depth:2", "batches-momentum", "many-or-gates:4"),
    "torch-ddp": ("or-gate", "batches-adam"),
    # `numpy-sequential` is tried on all: the rest is what these backends do with one model.
    "torch-cpu-sequential": ("many-momentum",),
    "jax-cpu-sequential": ("many-momentum",),
    "numba-sequential": ("many-momentum",),
    "processes": ("many-momentum", "folds-adam"),
}
# Shapes that another of the problems stands for: NumPy alone is tried on them.
ALIKE = ("symptoms", "xor", "perceptron-rows:16", "mlp-width:8", "mlp-map:16x32", "many-adam")
# On which all of them are put into a backend; into the others those of the problems after these.
OFFERED_ALL = ("numpy", "torch-cpu")
OFFERED = ("or-gate", "batches-adam", "folds-adam")
COMPILED = ("torch-cpu-compiled", "jax-cpu", "jax-cpu-sequential", "numba", "numba-sequential")
# What is compiled for a problem is compiled in both dtypes on these, else in float64 alone.
IN_BOTH = {
    "jax-cpu": ("batches-adam",),
    "numba": ("batches-momentum",),
}


def cases(
    is_tried: Callable[[str, Problem, DType], bool],
    is_slow: Callable[[str, Problem, DType], bool],
) -> Any:
    """Return every backend with its problems and dtypes; one skip for one that cannot run here."""
    params: list[object] = []
    for name in registry.names():
        backend = registry.load(name)
        if registry.reason_unavailable(name):
            params.append(pytest.param(backend, None, None, id=name, marks=marks(name)))
            continue
        for problem, dtype in product(tried(name), DTYPES):
            if is_tried(name, problem, dtype):
                slow = [pytest.mark.slow] if is_slow(name, problem, dtype) else []
                identity = f"{name}-{problem.name}-{dtype}"
                all_marks = [*marks(name), *slow]
                params.append(pytest.param(backend, problem, dtype, id=identity, marks=all_marks))
    return pytest.mark.parametrize(("backend", "problem", "dtype"), params)


def tried(name: str) -> list[Problem]:
    """Return the problems that this backend is tried on: of several models, where it is another
    backend with one."""
    few, least = FEW.get(name), 2 if trains_models_only(name) else 1
    return [
        problem
        for problem in problems()
        if problem.models >= least
        and (problem.name in few if few else name == "numpy" or problem.name not in ALIKE)
    ]


def is_slow(name: str, problem: Problem, dtype: DType) -> bool:
    """Return whether a problem is left to `make test-long`.

    What compiles each for seconds shows in one dtype and on one model that it is right; PyTorch's
    compiler takes over 20 for each.
    """
    is_compiled_again = name in COMPILED and (dtype == "float32" or problem.models > 1)
    has_twin = name in ("torch-cpu-compiled", "torch-ddp")  # traced, and over two processes
    return is_compiled_again or has_twin or problem.name not in SHORT


def is_kept(name: str, problem: Problem, dtype: DType) -> bool:
    """Return whether the contract is checked: in both dtypes on few problems, in one on the others.

    That is float64 where each problem is compiled, and float32 elsewhere.
    """
    if name in COMPILED:
        return dtype == "float64" or problem.name in IN_BOTH.get(name, ())
    return problem.name in SHORT or dtype == "float32" or name == "python"


@cases(is_kept, is_slow)
def test_contract_holds_for_every_backend(backend: Backend, problem: Problem, dtype: DType) -> None:
    """One contract for all: what the suite relies on holds for each backend it times."""
    assert broken_promises(backend, problem, dtype) == []


def is_offered_mistakes(name: str, problem: Problem, dtype: DType) -> bool:
    """Return whether mistakes are put into it: in float32, whose rounding could hide them."""
    in_float32 = dtype == "float32" or name == "python"  # which has no float32
    offered = MISTAKEN if name in OFFERED_ALL else OFFERED
    return in_float32 and problem.name in offered


def has_slow_mistakes(name: str, problem: Problem, dtype: DType) -> bool:
    """Return whether mistakes are left to `make test-long`: those of all but a few problems."""
    return problem.name != "or-gate" and (
        name in FEW or problem.name not in ("batches-adam", "folds-adam")
    )


@cases(is_offered_mistakes, has_slow_mistakes)
@pytest.mark.usefixtures("traced_not_compiled")
def test_mistakes_put_into_every_backend_are_noticed(
    backend: Backend, problem: Problem, dtype: DType
) -> None:
    assert broken_promises(backend, problem, dtype, [NOTICED]) == []


def test_contract_few_problems_cover_all_mistakes() -> None:
    """Each kind is among them, in whatever layer."""

    def kinds(problems: list[Problem]) -> set[str]:
        names = (mutation.name for problem in problems for mutation in mutations(problem))
        return {re.sub(r"layer \d+", "layer", name) for name in names}

    every = problems()
    assert kinds([problem for problem in every if problem.name in MISTAKEN]) == kinds(every)


@pytest.mark.parametrize("name", registry.names())
def test_contract_protocol_is_complete_for_every_backend(name: str) -> None:
    """Its threads are set before it starts; a reason why it cannot run is one line of a page."""
    backend = registry.load(name)
    assert isinstance(backend, Backend)
    assert backend.name == name
    variables = backend.environment(3)
    assert variables["OMP_NUM_THREADS"] == variables["OPENBLAS_NUM_THREADS"] == "3"
    reason = registry.reason_unavailable(name)
    assert reason is None or (reason and "\n" not in reason)
