"""asv: from which size on does one backend beat another? One number to watch for each pair."""

from __future__ import annotations

from itertools import combinations
from math import nan

from benchmarks.cases import BACKENDS, DTYPE, SIZES
from perceptron.analysis.crossover.judge import crossovers
from perceptron.backends import registry
from perceptron.machine import usable_cores
from perceptron.measure.job import Batch
from perceptron.measure.launch import run_job
from perceptron.measure.rows import problem_fields
from perceptron.problems import catalogue
from perceptron.records.measurement import Measurement

_PROCESSES = 6


class Crossover:
    """The crossover of a pair on a family; n/a where a backend cannot run, nan where there is none.

    asv can only draw a number: what the status is, and how sure, `perceptron bench` tells.
    """

    params = (tuple(f"{one}:{two}" for one, two in combinations(BACKENDS, 2)), tuple(SIZES))
    param_names = ("pair", "family")
    unit = "size"
    timeout = 300.0
    version = "1"

    def setup(self, pair: str, family: str) -> None:
        """Both backends must be able to run here."""
        for backend in pair.split(":"):
            reason = registry.reason_unavailable(backend)
            if reason is not None:
                raise NotImplementedError(f"{backend}: {reason}")

    def track_crossover(self, pair: str, family: str) -> float:
        """Fresh processes of both, side by side, over the family's sizes."""
        incumbent, challenger = pair.split(":")
        rows = [
            row
            for process in range(_PROCESSES)
            for backend in (incumbent, challenger)
            for row in _rows(backend, family, process)
        ]
        (crossover,) = crossovers(rows, [(incumbent, challenger)])
        return nan if crossover.size is None else crossover.size


def _rows(backend: str, family: str, process: int) -> list[Measurement]:
    job = Batch(
        backend=backend,
        problems=[f"{family}:{size}" for size in SIZES[family]],
        dtype=DTYPE,
        threads=usable_cores(),
        samples=5,
        minimum_seconds=0.01,
    )
    loaded = registry.load(backend)
    return [
        Measurement(
            source="perceptron",
            machine="here",
            when="",
            process=process,
            **problem_fields(catalogue.find(outcome.problem)),
            backend=backend,
            device=loaded.device,
            seconds=outcome.seconds,
            status=outcome.status,
            reason=outcome.reason,
        )
        for outcome in run_job(job, loaded)
    ]
