"""The list of cases: problems, backends, and the iterations in a body.

Sizes, backends and iterations are literal or computed from shapes alone, so that they are the same
on every machine: asv compares by them over years.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from perceptron.backends import registry
from perceptron.backends.protocol import Trainer, Unsupported
from perceptron.measure.memory import keep_freed_memory
from perceptron.problems import catalogue, cost
from perceptron.problems.problem import DType

DTYPE: DType = "float32"
BACKENDS: tuple[str, ...] = registry.DEFAULT

# A part of each family's sweep: few sizes, the largest a few milliseconds an iteration. The gate
# judges them all within five minutes on two cores.
SIZES: dict[str, tuple[int, ...]] = {
    "perceptron-rows": (4, 1024, 65_536, 1_048_576),
    "perceptron-features": (2, 2048, 32_768),
    "mlp-width": (2, 128, 2048),
    "mlp-depth": (1, 16),
    "mlp-batch": (1, 1024),
    "mlp-width-adam": (8, 2048),
}

# A body takes at least 4 ms on the fastest known machine, so that a call of a trainer is
# negligible; longer bodies would slow down the gate, which counts all instructions. On that machine
# no layer takes less than this, whatever its size, and no core computes or reads faster. An
# iteration of a framework takes this long before its first layer.
_SECONDS_PER_LAYER = 2e-6
_SECONDS_OF_A_FRAMEWORK = 2e-5
# A batch is gathered, and each array of an optimizer's state takes calls of its own.
_SECONDS_PER_BATCH = 2e-6
_SECONDS_PER_STATE_ARRAY = 2e-6
_OPERATIONS_PER_SECOND = 2e11
_BYTES_PER_SECOND = 5e10
_BODY_SECONDS = 0.004


@dataclass(frozen=True)
class Case:
    """A problem on a backend, trained for ``iterations`` in each timed body."""

    family: str
    size: int
    backend: str

    @property
    def problem(self) -> str:
        return f"{self.family}:{self.size}"

    @property
    def iterations(self) -> int:
        problem = catalogue.find(self.problem)
        calls = 0.0 if self.backend == "numpy" else _SECONDS_OF_A_FRAMEWORK
        calls += _SECONDS_PER_LAYER * len(problem.layers)
        calls += _SECONDS_PER_STATE_ARRAY * problem.optimizer.state_arrays
        if problem.batch is not None:
            calls += _SECONDS_PER_BATCH
        seconds = max(
            calls,
            cost.operations(problem) / _OPERATIONS_PER_SECOND,
            cost.bytes_moved(problem, DTYPE) / _BYTES_PER_SECOND,
        )
        return ceil(_BODY_SECONDS / seconds)


CASES: tuple[Case, ...] = tuple(
    Case(family, size, backend)
    for family, sizes in SIZES.items()
    for size in sizes
    for backend in BACKENDS
)


class NotHere(Exception):
    """The case cannot run on this machine; the message is the reason."""


def prepare(case: Case) -> Trainer:
    """Return a warm trainer at its start parameters; raise `NotHere` with the backend's reason."""
    reason = registry.reason_unavailable(case.backend)
    if reason is not None:
        raise NotHere(f"{case.backend}: {reason}")
    keep_freed_memory()
    try:
        trainer = registry.load(case.backend).prepare(catalogue.find(case.problem), DTYPE)
    except Unsupported as refusal:
        raise NotHere(f"{case.backend}: {refusal}") from None
    trainer.train(case.iterations)  # threads find their cores; see `timing`
    trainer.reset()
    return trainer


def per_iteration(case: Case) -> Callable[[], float]:
    """Return a clock for bodies of this case that counts seconds per training iteration.

    So harnesses that report the time of a body, such as asv, report that of an iteration.
    """
    iterations = case.iterations
    return lambda: time.perf_counter() / iterations
