"""A worker whose backend trains in other processes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.measure import worker
from perceptron.measure.job import Job
from perceptron.measure.launch import Workers

if registry.reason_unavailable("torch-ddp"):
    pytest.skip(f"torch-ddp: {registry.reason_unavailable('torch-ddp')}", allow_module_level=True)

JOB = Job(
    backend="torch-ddp@2",
    problems=["mlp-width:512"],
    dtype="float32",
    threads=2,
    samples=2,
    minimum_seconds=0.001,
)


def test_a_worker_measures_what_its_ranks_do() -> None:
    """Time, waiting and memory of a training; then what it adds to each phase of an iteration."""
    backend = registry.load("torch-ddp@2")
    with Workers() as workers:
        (checked,) = workers.run("", replace(JOB, check=True), backend)
        (timed,) = workers.run("", JOB, backend)
        (phases,) = workers.run("", replace(JOB, extra="phases"), backend)
    assert [checked.reason, timed.reason, phases.reason] == [None, None, None]
    assert timed.seconds is not None
    # Two ranks of 4 B × (64 × 512 + 512 + 512 + 1) for parameters, their gradients and buckets.
    assert timed.peak_bytes is None or timed.peak_bytes > 2 * 3 * 4 * 33_793
    assert [part.name for part in phases.parts][-3:] == [
        *("backward", "buckets and all-reduce", "optimizer step"),
    ]


def test_threads_that_cannot_be_shared_out_skip_the_row() -> None:
    outcome = worker.measure(registry.load("torch-ddp@2"), "or-gate", replace(JOB, threads=3))
    assert outcome.status == "skipped"
    assert outcome.reason == "2 processes cannot share 3 threads evenly: give --threads 4"
