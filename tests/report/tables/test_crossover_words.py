from __future__ import annotations

from perceptron.analysis.crossover.judge import Crossover
from perceptron.report.tables.crossover_words import missing


def test_a_reason_names_its_families_unless_it_is_that_of_all() -> None:
    """Once each: a GPU that is not there, and a model of one's own that stands still."""

    def absent(family: str, reason: str) -> Crossover:
        return Crossover(
            family=family,
            incumbent="numpy",
            challenger="torch-cuda",
            status="not measured",
            machine="box",
            dtype="float32",
            threads=2,
            reason=reason,
        )

    gpu, still = "torch-cuda: no CUDA device found", "numpy: it stands still"
    crossovers = [absent("one", gpu), absent("two", f"{still}; {gpu}"), absent("two", gpu)]
    assert missing(crossovers) == [gpu, f"{still} (in two)"]
