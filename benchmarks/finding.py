"""asv: the published finding, 10,000 iterations on the OR gate, as a whole training."""

from __future__ import annotations

from perceptron.analysis.stored.finding import ITERATIONS, finding_backends
from perceptron.backends import registry
from perceptron.problems import catalogue
from perceptron.studies.shared.published import published_dtype


class Finding:
    """NumPy in float64 and PyTorch in float32, as published."""

    params = (finding_backends(registry.DEFAULT),)
    param_names = ("backend",)
    timeout = 300.0
    version = "1"

    def setup(self, backend: str) -> None:
        """At the start parameters, before every sample."""
        reason = registry.reason_unavailable(backend)
        if reason is not None:
            raise NotImplementedError(f"{backend}: {reason}")
        problem = catalogue.find("or-gate")
        self.trainer = registry.load(backend).prepare(problem, published_dtype(backend))

    def time_train(self, backend: str) -> None:
        """Run the whole training."""
        self.trainer.train(ITERATIONS)

    time_train.pretty_name = "or-gate"  # type: ignore[attr-defined]
