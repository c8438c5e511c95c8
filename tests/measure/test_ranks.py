"""A worker whose backend trains in other processes, and what these wait."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from msgspec.structs import replace

from perceptron.backends import registry
from perceptron.backends.protocol import Backend
from perceptron.measure import batch as worker
from perceptron.measure.job import Batch
from perceptron.measure.launch import Workers
from perceptron.measure.ranks import Computing, Together, meter_of
from perceptron.waiting import WaitingMeter

needs_ddp = pytest.mark.skipif(
    registry.reason_unavailable("torch-ddp") is not None,
    reason=f"torch-ddp: {registry.reason_unavailable('torch-ddp')}",
)
JOB = Batch(
    backend="torch-ddp@2",
    problems=["mlp-width:512"],
    dtype="float32",
    threads=2,
    samples=2,
    minimum_seconds=0.001,
)


@needs_ddp
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


@needs_ddp
def test_threads_that_cannot_be_shared_out_skip_the_row() -> None:
    outcome = worker.measure(registry.load("torch-ddp@2"), "or-gate", replace(JOB, threads=3))
    assert outcome.status == "skipped"
    assert outcome.reason == "2 processes cannot share 3 threads evenly: give --threads 4"


def trained_by(numbers: list[int]) -> Backend:
    ranks = SimpleNamespace(process_ids=lambda: numbers)
    return cast(Backend, SimpleNamespace(ranks=ranks))


def meter(folder: Path, **threads: str) -> WaitingMeter:
    """Return a meter of threads with what Linux would tell of each: nanoseconds run and waited."""
    for name, told in threads.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "schedstat").write_text(told)
    return WaitingMeter(str(folder))


def test_what_ranks_waited_counts_beside_what_their_leader_did(tmp_path: Path) -> None:
    together = Together([])
    together.meters = [
        meter(tmp_path / "leader", a="9000000000 1000000000 1"),
        meter(tmp_path / "rank", b="5000000000 2000000000 1", c="1000000000 4000000000 1"),
    ]
    assert together() == pytest.approx(7.0)
    assert together.threads == 3


def test_threads_that_do_nothing_are_left_out_in_every_process(tmp_path: Path) -> None:
    together = Together([])
    together.meters = [meter(tmp_path / "rank", b="5 0 1", c="7 0 1")]
    (tmp_path / "rank" / "b" / "schedstat").write_text("50000 9000000000 2")
    together.leave_out_idle()
    assert together.threads == 1
    (tmp_path / "rank" / "c" / "schedstat").write_text("7 9000000000 2")
    assert together() == pytest.approx(9.0)


def test_threads_that_exchange_gradients_are_not_read(tmp_path: Path) -> None:
    """They wait for those that compute, on a quiet machine too."""
    meter(tmp_path, a="9000000000 1000000000 1", b="9000000000 8000000000 1")
    (tmp_path / "a" / "comm").write_text("python\n")
    (tmp_path / "b" / "comm").write_text("pt_gloo_runloop\n")
    computing = Computing(str(tmp_path))
    computing.refresh()
    assert (computing(), computing.threads) == (pytest.approx(1.0), 1)
    computing.close()


def test_real_processes_are_read() -> None:
    """This one, as its own rank, has run twice what it has run."""
    with meter_of(trained_by([os.getpid()])) as both:
        assert both is not None
        if both() is None:
            pytest.skip("this system does not tell how long threads wait")
        assert both.threads >= 2


def test_processes_that_are_no_ranks_are_read_too() -> None:
    """Of a backend whose work others do: a neighbour of theirs is one of the row."""
    helped = cast(Backend, SimpleNamespace(process_ids=lambda: [os.getpid()]))
    with meter_of(helped) as meter:
        assert isinstance(meter, Together)
        assert meter.processes == 1
