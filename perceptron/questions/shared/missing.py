"""Which jobs of a sweep have no row yet."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from perceptron.backends import registry
from perceptron.measure.job import Time
from perceptron.problems import catalogue
from perceptron.problems.problem import DType
from perceptron.records.measurement import Measurement

# Repeats whose processes stay, to measure sizes that are requested later. Each holds its libraries,
# and with a device a context there.
LASTING, _LASTING_ON_DEVICE = 8, 3


def lasts(backend: str, repeat: int) -> bool:
    """Return whether the process of a repeat stays alive until the study ends."""
    on_device = registry.load(backend).device != "cpu"
    return repeat < (_LASTING_ON_DEVICE if on_device else LASTING)


def sample_seconds(quick: bool) -> float:
    """Return the minimum duration of a sample in seconds."""
    return 0.005 if quick else 0.01


def size_job(
    problem: str,
    backend: str,
    dtype: DType,
    threads: int,
    repeat: int,
    quick: bool,
    shares_compiled: bool = True,
) -> Time:
    """Return the job of one repeat of a backend at one size of a sweep."""
    return Time(
        problem=problem,
        backend=backend,
        dtype=dtype,
        threads=threads,
        repeat=repeat,
        minimum_seconds=sample_seconds(quick),
        lasts=lasts(backend, repeat),
        shares_compiled=shares_compiled,
    )


def missing(jobs: Iterable[Time], rows: Iterable[Measurement]) -> list[Time]:
    """Return the jobs without a row, except for problems that the backend failed or skipped."""
    measured, given_up = set(), set()
    for row in rows:
        if row.phase is not None:  # of a part of an iteration
            continue
        key = (row.problem, row.backend, row.dtype, row.all_threads)
        measured.add((key, row.repeat))
        if row.status != "ok":
            given_up.add(key)

    @cache
    def name(reference: str) -> str:
        return catalogue.look_up(reference).name

    to_do = []
    for job in jobs:
        key = (name(job.problem), job.backend, job.dtype, job.threads)
        if (key, job.repeat) not in measured and key not in given_up:
            to_do.append(job)
    return to_do
