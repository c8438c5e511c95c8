"""NumPy on the CPU, gradients derived by hand: of one model, or of several."""

from __future__ import annotations

from perceptron.backends.numpy_trainer import NumpyTrainer
from perceptron.backends.protocol import LadderStep, Trainer, thread_variables
from perceptron.problems.problem import DType, Problem


class NumpyBackend:
    """The reference for agreement, and the incumbent of most comparisons.

    Other backends on NumPy's arrays are subclasses with another trainer.
    """

    name = "numpy"
    device = "cpu"
    summary = (
        "NumPy, fast: all parameters in one array, temporaries reused, operations looked up once"
    )
    ladder_step = LadderStep(
        "new arrays, and activations computed twice: parameters lie in one array, temporaries are "
        "reused",
        after="numpy-published",
    )
    ladder_step_of_models = LadderStep(
        "calls for each model: an operation passes over all", after="numpy-sequential"
    )
    published_dtype: DType = "float64"

    def unavailable(self) -> str | None:
        return None

    def environment(self, threads: int) -> dict[str, str]:
        return thread_variables(threads)

    def require(self, problem: Problem, dtype: DType) -> None:
        """Raise `Unsupported` for a problem that it cannot train; subclasses have some."""

    def prepare(self, problem: Problem, dtype: DType) -> Trainer:
        self.require(problem, dtype)
        trainer = self._trainer(problem, dtype)
        trainer.train(2)  # warm up: thread pools, processes, functions compiled at the first call
        trainer.reset()
        return trainer

    def _trainer(self, problem: Problem, dtype: DType) -> Trainer:
        return NumpyTrainer(problem, dtype)


BACKEND = NumpyBackend()
