"""A worker whose backend trains in other processes, and what these wait."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.backends.protocol import Backend
from perceptron.measure import training
from perceptron.measure.job import Extra, Time
from perceptron.measure.launch import Workers
from perceptron.measure.ranks import meter_of
from perceptron.processes.waiting import WaitingMeter

needs_ddp = pytest.mark.skipif(
    registry.reason_unavailable("torch-ddp") is not None,
    reason=f"torch-ddp: {registry.reason_unavailable('torch-ddp')}",
)
ABOUT: dict[str, Any] = {
    "problem": "mlp-width:512",
    "backend": "torch-ddp@2",
    "dtype": "float32",
    "threads": 2,
    "samples": 2,
    "minimum_seconds": 0.001,
}
JOB = Time(**ABOUT)


@pytest.mark.slow
@needs_ddp
def test_ranks_worker_measures_all_ranks() -> None:
    """Time, waiting and memory of a training; then what it adds to each phase of an iteration."""
    with Workers() as workers:
        checked = workers.run("", replace(JOB, step="check"))
        timed = workers.run("", JOB)
        phases = workers.run("", Extra(**ABOUT, extra="phases"))
    assert [checked.reason, timed.reason, phases.reason] == [None, None, None]
    assert timed.seconds is not None
    # Two ranks of 4 B × (64 × 512 + 512 + 512 + 1) for parameters, their gradients and buckets.
    assert timed.peak_bytes is None or timed.peak_bytes > 2 * 3 * 4 * 33_793
    assert [part.name for part in phases.parts][-3:] == [
        *("backward", "buckets and all-reduce", "optimizer step"),
    ]


@needs_ddp
def test_threads_that_cannot_be_shared_out_skip_the_row() -> None:
    outcome = training.measure(registry.load("torch-ddp@2"), replace(JOB, threads=3))
    assert outcome.status == "skipped"
    assert outcome.reason == "2 processes cannot share 3 threads evenly: give 4 threads"


def test_ranks_wait_excludes_gradient_exchange_threads(tmp_path: Path) -> None:
    """Those wait for the ones that compute, on a quiet machine too."""
    for name, command, schedstat in (
        ("leader/a", "python", "9000000000 1000000000 1"),
        ("rank/b", "python", "5000000000 2000000000 1"),
        ("rank/c", "pt_gloo_runloop", "1000000000 4000000000 1"),
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "comm").write_text(f"{command}\n")
        (tmp_path / name / "schedstat").write_text(schedstat)
    folders = [str(tmp_path / name) for name in ("leader", "rank")]
    with closing(WaitingMeter(*folders, excluded=("pt_gloo",))) as meter:
        assert (meter(), meter.threads) == (pytest.approx(3.0), 2)
        meter.refresh()
        assert meter.threads == 2


def test_processes_that_are_no_ranks_are_read_too() -> None:
    """Of a backend whose work others do: a neighbour of theirs is one of the row."""
    helped = cast(Backend, SimpleNamespace(process_ids=lambda: [os.getpid()]))
    with meter_of(helped) as meter:
        assert meter is not None
        assert meter.threads >= 2
