"""Which jobs have no row yet."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from perceptron.measure.job import Time
from perceptron.problems import catalogue
from perceptron.records.measurement import Measurement

LASTING = 8
"""Repeats whose processes last: they hold their libraries, and few sizes need more of them."""


def missing(jobs: Iterable[Time], rows: Iterable[Measurement]) -> list[Time]:
    """Return the jobs without a row whose problem the backend has not failed or skipped."""
    measured, given_up = set(), set()
    for row in rows:
        if row.phase is not None:  # of a part of an iteration
            continue
        key = (row.problem, row.backend, row.dtype, row.all_threads)
        measured.add((key, row.process))
        if row.status != "ok":
            given_up.add(key)

    @cache
    def name(reference: str) -> str:
        return catalogue.find(reference).name

    found = []
    for job in jobs:
        key = (name(job.problem), job.backend, job.dtype, job.threads)
        if (key, job.repeat) not in measured and key not in given_up:
            found.append(job)
    return found
