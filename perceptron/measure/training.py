"""A training job in its worker: checking or timing the backend, or measuring an extra."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import itertools
import os
import pickle
import shlex
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import isfinite, isnan
from pathlib import Path

import msgspec
from threadpoolctl import threadpool_limits

from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.backends.contract import agreement
from perceptron.backends.contract.agreement import Reference, Refused
from perceptron.backends.protocol import (
    Backend,
    RankFailed,
    Unsupported,
    least_seconds_of,
    processes_of,
    threads_of_each,
)
from perceptron.errors import UserError
from perceptron.measure import extras
from perceptron.measure.hardware import hardware_of, ran_out
from perceptron.measure.job import AnyJob, Extra, Outcome, Part, Race, Time, reason_of, text_of
from perceptron.measure.memory import available_bytes, keep_freed_memory
from perceptron.measure.ranks import (
    assert_threads_of_each,
    forget_data,
    make_ready,
    meter_of,
)
from perceptron.measure.timing import Effort, time_training
from perceptron.problems import catalogue, cost
from perceptron.problems.datasets import DATA_FOLDER
from perceptron.problems.problem import DType, Problem
from perceptron.records.files.write import replace
from perceptron.records.measurement import Timings

Trained = Time | Race | Extra

# Operations of an iteration that takes some milliseconds.
_SHORT_OPERATIONS = 1e9
# Counts the trainings that this process has timed.
_timed = itertools.count()
_OUT_OF_DEVICE_MEMORY = "out of memory on the device"


def answer(job: Trained, is_first: bool) -> Iterator[Timings]:
    """Run a job and yield the outcome; before its first job a process does its one-time work.

    All jobs of a worker have the same backend, dtype and number of threads.
    """
    backend = _backend(job.backend)
    if is_first:
        keep_freed_memory()
        first_touch(backend, job)
    outcome = measure(backend, job, is_first)
    if outcome.reason == _OUT_OF_DEVICE_MEMORY:
        hardware_of(backend).release()  # before another worker runs, for which it would be full
    yield outcome
    # The next job may come late, and other workers need memory.
    forget_data(backend)
    hardware_of(backend).release()


@lru_cache(maxsize=1)
def _backend(name: str) -> Backend:
    """Return the worker's backend, cached: state such as a library is loaded once."""
    return registry.load(name)


def measure(backend: Backend, job: Trained, is_first: bool = False) -> Timings:
    """Run a job; a failure of any kind becomes the outcome. ``is_first`` in this process."""
    try:
        threads_of_each(backend, job.threads)
        if job.step == "start":
            return Outcome(parts=tuple(extras.harness()))
        problem = catalogue.find(job.problem)
        if isinstance(job, Extra):
            return _extra(backend, problem, job, is_first)
        return _measure(backend, problem, job)
    except Unsupported as reason:
        return Timings(status="skipped", reason=text_of(reason))
    except Refused as reason:
        return Timings(status="skipped", reason=f"not checkable: {text_of(reason)}")
    except RankFailed as reason:
        return Timings(status="failed", reason=text_of(reason))
    except Exception as error:  # noqa: BLE001 an error of a backend fails only this row
        is_known = isinstance(error, UserError | MemoryError)
        if not is_known and ran_out(backend, error):
            return Timings(status="failed", reason=_OUT_OF_DEVICE_MEMORY)
        return Timings(status="failed", reason=reason_of(error))


def first_touch(backend: Backend, job: AnyJob) -> None:
    """Do the one-time work of a process, imports and contexts, before anything is measured."""
    for module in getattr(backend, "imports", ()):
        importlib.import_module(module)
    extra = job.extra if isinstance(job, Extra) else None
    # Kernels are counted without a device. The costs of its start and of a first iteration are
    # measured in a process that has not used it.
    if extra not in ("kernels", "device") and (accelerator := accelerator_of(backend)):
        accelerator.touch()
    # A backend that compiles does so for each problem: that is part of preparing it.
    if not getattr(backend, "compiles", False) and extra != "device":
        # If this fails, the problems will report why.
        with contextlib.suppress(Exception):
            threads_of_each(backend, job.threads)
            backend.prepare(catalogue.find("or-gate"), _dtype(job))
    # Objects that exist now stay alive: the collector need not visit them again.
    gc.collect()
    gc.freeze()


def _measure(backend: Backend, problem: Problem, job: Trained) -> Timings:
    is_check = job.step == "check"
    bytes_of_each = cost.memory(problem, "float64" if is_check else _dtype(job))
    for free, needed, location in (
        (available_bytes(), processes_of(backend) * bytes_of_each, ""),
        (hardware_of(backend).free_bytes(), bytes_of_each, " on the device"),
    ):
        if free is not None and needed > free:
            reason = f"needs about {_gib(needed)}, {_gib(free)} are free{location}"
            return Timings(status="skipped", reason=reason)
    make_ready(backend, problem)
    if is_check:
        return _check(backend, problem, job)
    assert isinstance(job, Time), "races are run by `racing`"
    return _time(backend, problem, job)


def _dtype(job: AnyJob) -> DType:
    """Return the dtype to prepare a job in; bfloat16 jobs are prepared and checked in float32."""
    return "float64" if job.dtype == "float64" else "float32"


def _extra(backend: Backend, problem: Problem, job: Extra, is_first: bool) -> Outcome:
    effort, dtype = Effort(job.samples, job.minimum_seconds), _dtype(job)
    parts: Iterable[Part]
    match job.extra:
        case "phases":
            parts = extras.phases(backend, problem, dtype, effort)
        case "ceiling":
            parts = extras.ceilings(backend, dtype, effort)
        case "kernels":
            parts = extras.kernels(backend, problem, dtype)
        case "profile":
            parts = extras.profile(backend, problem, dtype)
        case "device":
            parts = extras.device_costs(backend, problem, dtype, effort, is_first)
        case "energy":
            parts = extras.energy(backend, problem, dtype)
        case _:
            parts = extras.harness()
    return Outcome(parts=tuple(parts))


def _check(backend: Backend, problem: Problem, job: Trained) -> Timings:
    difference = agreement.check(backend, problem, _dtype(job), _reference(problem))
    if not difference.agrees:
        command = shlex.join(["perceptron", "check", backend.name, "--problem", problem.reference])
        raise UserError(f"{difference}; run: {command}")
    return Timings()


def _time(backend: Backend, problem: Problem, job: Time) -> Timings:
    hardware = hardware_of(backend)
    hardware.release()
    hardware.watch_memory()
    begin = time.perf_counter()
    trainer = backend.prepare(problem, _dtype(job))
    prepare_seconds = time.perf_counter() - begin
    from_cache = getattr(backend, "prepared_from_cache", None)
    assert_threads_of_each(backend, threads_of_each(backend, job.threads))
    hardware.warm_up(trainer)
    least_seconds = max(job.minimum_seconds, least_seconds_of(backend, problem))
    effort = Effort(job.samples, least_seconds, job.iterations, job.most_seconds)
    with meter_of(backend) as meter:
        if next(_timed) == 0 and job.iterations is None:
            # The first job of a process is slower while its threads, its memory or the clock of
            # the core are not ready: run it once, and drop the times. Setup was timed above, cold.
            time_training(trainer, Effort(1, least_seconds), meter=meter)
        timing = time_training(trainer, effort, meter=meter)
    hardware.note_work()
    peak_bytes = hardware.peak_bytes()  # before the loss, which takes all rows at once
    loss = trainer.loss()
    if not isfinite(loss):
        name = "NaN" if isnan(loss) else f"{loss}"
        raise UserError(
            f"the loss is {name} after {timing.iterations:,} iterations: lower the rate"
        )
    return msgspec.structs.replace(
        timing,
        prepare_seconds=prepare_seconds,
        prepared_from_cache=from_cache() if from_cache is not None else None,
        peak_bytes=peak_bytes,
        gpu=hardware.state_at_work(trainer, timing),
        device_seconds=hardware.own_seconds(trainer, timing),
    )


def _reference(problem: Problem) -> Reference:
    """Return the reference result; read it if another worker of this run has stored it."""
    folder = os.environ.get(DATA_FOLDER)
    if folder is None:
        return _new_reference(problem)
    digest = hashlib.sha256(problem.name.encode()).hexdigest()[:16]
    file = Path(folder) / f"{digest}.reference"
    if file.exists():
        stored: Reference = pickle.loads(file.read_bytes())  # noqa: S301 a worker of ours wrote it
        return stored
    expected = _new_reference(problem)
    replace(file, pickle.dumps(expected))
    return expected


def _new_reference(problem: Problem) -> Reference:
    """Compute the reference result; short iterations in one thread.

    Several threads gain little on small products, and beside a busy process they wait for each
    other: on two cores ten iterations on batches of 128 took two to three times the CPU time.
    """
    limit = 1 if cost.operations(problem) < _SHORT_OPERATIONS else None
    with threadpool_limits(limits=limit):
        return agreement.reference(problem)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
