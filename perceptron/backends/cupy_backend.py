"""The NumPy backend's gradients on a CUDA GPU: CuPy has NumPy's names.

In a rehearsal NumPy stands in for CuPy, on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from perceptron import optional
from perceptron.backends.accelerators.cupy_accelerator import CupyAccelerator, namespace
from perceptron.backends.numpy_trainer import NUMPY, NumpyTrainer, with_dot
from perceptron.backends.protocol import LadderStep
from perceptron.backends.shared.cuda import driver_unavailable
from perceptron.backends.shared.threads import thread_variables
from perceptron.backends.shared.update import adam_factors
from perceptron.problems.optimizer import Adam
from perceptron.problems.problem import DType, Problem
from perceptron.rehearsal import is_rehearsal


class CupyTrainer(NumpyTrainer):
    """A batch of ``resident`` data is gathered on the GPU by its indices.

    Of ``host`` data it is gathered in host memory and copied; CuPy copies through pinned memory.
    """

    def __init__(self, problem: Problem, dtype: DType) -> None:
        cupy = namespace()
        if cupy is np:
            super().__init__(problem, dtype, NUMPY)
        else:
            super().__init__(problem, dtype, with_dot(cupy), cupy.asnumpy)

    def train(self, iterations: int) -> None:
        self.queue(iterations)
        BACKEND.accelerator.synchronize()

    def queue(self, iterations: int) -> None:
        """Train without waiting for the device."""
        super().train(iterations)

    def reset(self) -> None:
        super().reset()
        BACKEND.accelerator.synchronize()

    def _factors(self, optimizer: Adam) -> Callable[[], tuple[Any, Any]]:
        """Return what gives Adam's factors, as numbers: a kernel takes them as arguments."""
        return lambda: adam_factors(optimizer, self._count())


class CupyBackend:
    """Trains every problem that `numpy` trains."""

    name = "cupy"
    device = "cuda"
    summary = "CuPy on a CUDA GPU: the gradients of numpy, called from Python"
    rung = LadderStep(
        "PyTorch: CuPy launches the same gradients from Python", after="torch-cuda-manual"
    )
    accelerator = CupyAccelerator()

    @property
    def imports(self) -> tuple[str, ...]:
        """What `prepare` needs: NumPy where it stands in."""
        return ("numpy",) if is_rehearsal() else ("cupy",)

    def unavailable(self) -> str | None:
        if is_rehearsal():
            return None
        # In this order: without a GPU installing CuPy would be of no use.
        return driver_unavailable() or optional.missing("cupy")

    def environment(self, threads: int) -> dict[str, str]:
        # Off by default, and to be off whatever the user's environment says: see `agreement`.
        return thread_variables(threads) | {"CUPY_TF32": "0"}

    def prepare(self, problem: Problem, dtype: DType) -> CupyTrainer:
        trainer = CupyTrainer(problem, dtype)
        trainer.train(2)  # warm up: CuPy compiles each of its kernels at the first call
        trainer.reset()
        return trainer


BACKEND = CupyBackend()
