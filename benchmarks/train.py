"""asv: how long one training iteration takes, over the sizes of each family and the backends.

asv times whole bodies; `Training.setup` gives it a clock that counts seconds per iteration, so that
its pages and its JSON hold the number that the suite speaks of everywhere.
"""

from __future__ import annotations

from benchmarks.cases import BACKENDS, SIZES, Case, NotHere, per_iteration, prepare


class Training:
    """Base of the families; asv collects the classes that have a ``time_`` method."""

    param_names = ("size", "backend")
    timeout = 120.0
    # Raised when the same numbers would mean something else; without it, asv would hash the code.
    version = "1"
    case: Case | None = None

    family: str

    def __init_subclass__(cls) -> None:
        """Give a family its parameters, and a function that has its name in asv's pages."""

        def time_train(self: Training, size: int, backend: str) -> None:
            """Train, and nothing else; return when the work is done."""
            self.trainer.train(self.iterations)

        time_train.pretty_name = cls.family
        cls.time_train, cls.params = time_train, (SIZES[cls.family], BACKENDS)

    def setup(self, size: int, backend: str) -> None:
        """Go back to the start before every sample; prepare once in each process."""
        case = Case(self.family, size, backend)
        if case != self.case:
            try:
                self.trainer = prepare(case)
            except NotHere as reason:
                raise NotImplementedError(str(reason)) from None
            self.case = case
            self.iterations = case.iterations
            self.timer = per_iteration(case)
        self.trainer.reset()


class PerceptronRows(Training):
    """A perceptron with 2 features, more and more rows."""

    family = "perceptron-rows"


class PerceptronFeatures(Training):
    """A perceptron on 256 rows, more and more features."""

    family = "perceptron-features"


class MlpWidth(Training):
    """256 rows × 64 features, one hidden layer, wider and wider."""

    family = "mlp-width"


class MlpDepth(Training):
    """256 rows × 64 features, more and more hidden layers of width 64."""

    family = "mlp-depth"


class MlpBatch(Training):
    """10 classes, 64 features, width 128, Adam: larger and larger batches of 16,384 rows."""

    family = "mlp-batch"


class MlpWidthAdam(Training):
    """10 classes, 64 features, batches of 128, Adam: one hidden layer, wider and wider."""

    family = "mlp-width-adam"
