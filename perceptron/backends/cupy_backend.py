"""The NumPy backend's gradients on a CUDA GPU: CuPy has NumPy's names."""

from __future__ import annotations

from collections.abc import Iterator

from perceptron.backends.accelerators.cupy_accelerator import CupyAccelerator
from perceptron.backends.accelerators.protocol import Accelerator, device_type, device_type_of
from perceptron.backends.numpy_backend import NumpyBackend
from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import LadderStep, thread_variables
from perceptron.backends.shared.update import Factors, factors_of
from perceptron.problems.problem import DType, Problem

_GPU, _HOST = CupyAccelerator(), Accelerator()


class CupyTrainer(NumpyTrainer):
    """Gathers batches of ``resident`` data on the GPU, by their indices.

    Batches of ``host`` data are gathered in host memory and copied, by CuPy through pinned memory.
    """

    several, piece = False, None

    def __init__(self, problem: Problem, dtype: DType) -> None:
        if device_type(BACKEND) == "cpu":
            super().__init__(problem, dtype)
        else:
            import cupy

            super().__init__(problem, dtype, cupy, cupy.asnumpy)

    def train(self, iterations: int) -> None:
        self.queue(iterations)
        BACKEND.accelerator.synchronize()

    def queue(self, iterations: int) -> None:
        super().train(iterations)

    def reset(self) -> None:
        super().reset()
        BACKEND.accelerator.synchronize()

    def _factors(self, iterations: int) -> Iterator[Factors]:
        """Return Adam's factors as numbers: a kernel takes them as arguments."""
        return factors_of(self._problem.optimizer, self._iteration, iterations)


class CupyBackend(NumpyBackend):
    """Trains every problem that `numpy` trains."""

    name = "cupy"
    device = "cuda"
    one_model = True
    summary = "CuPy on a CUDA GPU: the gradients of numpy, called from Python"
    ladder_step = LadderStep(
        "PyTorch: CuPy launches the same gradients from Python", after="torch-cuda-manual"
    )
    published_dtype: DType = "float32"

    @property
    def accelerator(self) -> Accelerator:
        """The device; if the CPU stands in, NumPy drives it, because there is no CuPy either."""
        return _HOST if device_type_of(self.device) == "cpu" else _GPU

    @property
    def imports(self) -> tuple[str, ...]:
        return ("numpy",) if device_type(self) == "cpu" else ("cupy",)

    def unavailable(self) -> str | None:
        return self.accelerator.unavailable()

    def environment(self, threads: int) -> dict[str, str]:
        # Off by default; set in case the user's environment turns it on: see `agreement`.
        return thread_variables(threads) | {"CUPY_TF32": "0"}

    def _trainer(self, problem: Problem, dtype: DType) -> CupyTrainer:
        return CupyTrainer(problem, dtype)


BACKEND = CupyBackend()
