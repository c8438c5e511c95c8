"""asv: the published finding, 10,000 iterations on the OR gate: seconds of a whole training."""

from __future__ import annotations

import time

from perceptron.backends import registry
from perceptron.problems import catalogue
from perceptron.questions.bench.finding import finding_backends
from perceptron.questions.shared.published import ITERATIONS

# The gate runs each body often, and 10,000 iterations of a framework take a second: a tenth of the
# training is timed, by a clock that runs ten times as fast.
_PARTS = 10


def clock() -> float:
    """Return seconds of whole trainings while parts of them run."""
    return _PARTS * time.perf_counter()


class Finding:
    """NumPy in float64 and PyTorch in float32, as published."""

    params = (finding_backends(registry.DEFAULT),)
    param_names = ("backend",)
    timeout = 300.0
    version = "1"

    def setup(self, backend: str) -> None:
        """Prepare a trainer at the start parameters, before every sample."""
        reason = registry.reason_unavailable(backend)
        if reason is not None:
            raise NotImplementedError(f"{backend}: {reason}")
        problem = catalogue.find("or-gate")
        self.timer = clock
        self.trainer = registry.load(backend).prepare(problem, registry.published_dtype(backend))

    def time_train(self, backend: str) -> None:
        """Run a part of the training; the clock reports the time of the whole training."""
        self.trainer.train(ITERATIONS // _PARTS)

    time_train.pretty_name = "or-gate"  # type: ignore[attr-defined]
