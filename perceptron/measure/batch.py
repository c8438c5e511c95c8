"""What a worker does with a batch: some problems on one backend, checked, timed or looked into."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import pickle
import shlex
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import isfinite, isnan
from pathlib import Path

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
from perceptron.measure.job import Batch, Outcome, Part, reason_of, text_of, timed
from perceptron.measure.memory import available_bytes, keep_freed_memory
from perceptron.measure.ranks import (
    assert_threads_of_each,
    forget_data,
    make_ready,
    meter_of,
)
from perceptron.measure.timing import Effort, time_training
from perceptron.problems import catalogue, cost
from perceptron.problems.problem import Problem
from perceptron.records.files.write import replace

# Of an iteration that takes some milliseconds.
_SHORT_OPERATIONS = 1e9
_OUT_OF_DEVICE_MEMORY = "out of memory on the device"


def outcomes(batch: Batch, is_first: bool) -> Iterator[Outcome]:
    """Yield the outcome of each problem as soon as it is there.

    All batches of a worker are of one backend, dtype and number of threads; the first starts it.
    """
    backend, context_seconds = _backend(batch.backend), None
    if is_first:
        keep_freed_memory()
        context_seconds = first_touch(backend, batch)
    for reference in batch.problems:
        yield measure(backend, reference, batch, context_seconds)
        context_seconds = None  # the next problem finds everything started
    # The next batch may be long in coming, and other workers need memory.
    forget_data(backend)
    hardware_of(backend).release()


@lru_cache(maxsize=1)
def _backend(name: str) -> Backend:
    """Return the worker's backend: what it keeps in itself, such as a library, is loaded once."""
    return registry.load(name)


def measure(
    backend: Backend, reference: str, job: Batch, context_seconds: float | None = None
) -> Outcome:
    """Check and time one problem. Whatever goes wrong with it becomes its outcome.

    ``context_seconds`` are those that the device of this process took to start, if nothing has
    run on it yet.
    """
    outcome = _measured(backend, reference, job, context_seconds)
    if outcome.reason == _OUT_OF_DEVICE_MEMORY:
        hardware_of(backend).release()  # by now nothing refers to the trainer
    return outcome


def _measured(
    backend: Backend, reference: str, job: Batch, context_seconds: float | None
) -> Outcome:
    try:
        problem = catalogue.find(reference)
        threads_of_each(backend, job.threads)
        if job.extra:
            return _extra(backend, problem, job, context_seconds)
        return _measure(backend, problem, job)
    except Unsupported as reason:
        return Outcome(problem=reference, status="skipped", reason=text_of(reason))
    except Refused as reason:
        said = f"not checkable: {text_of(reason)}"
        return Outcome(problem=reference, status="skipped", reason=said)
    except RankFailed as reason:
        return Outcome(problem=reference, status="failed", reason=text_of(reason))
    except Exception as error:  # noqa: BLE001 an error of a backend costs it this row only
        is_ours = isinstance(error, UserError | MemoryError)
        is_out = not is_ours and ran_out(backend, error)
        said = _OUT_OF_DEVICE_MEMORY if is_out else reason_of(error)
        return Outcome(problem=reference, status="failed", reason=said)


def first_touch(backend: Backend, job: Batch) -> float | None:
    """Pay what a process pays once, imports and contexts, before anything is measured.

    Return the seconds that its device took to start; None for one without.
    """
    for module in getattr(backend, "imports", ()):
        importlib.import_module(module)
    context_seconds = None
    # Kernels are counted where no device is.
    if job.extra != "kernels" and (accelerator := accelerator_of(backend)):
        begin = time.perf_counter()
        accelerator.touch()
        context_seconds = time.perf_counter() - begin
    # A backend that compiles does so for each problem: that is part of preparing it. What a first
    # iteration costs is seen on a process that has had none.
    if not getattr(backend, "compiles", False) and job.extra != "device":
        # If this fails, the problems themselves will say why.
        with contextlib.suppress(Exception):
            threads_of_each(backend, job.threads)
            backend.prepare(catalogue.find("or-gate"), job.dtype)
    # What is alive now stays alive: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    return context_seconds


def _measure(backend: Backend, problem: Problem, job: Batch) -> Outcome:
    of_each = cost.memory(problem, "float64" if job.check else job.dtype)
    for free, needed, where in (
        (available_bytes(), processes_of(backend) * of_each, ""),
        (hardware_of(backend).free_bytes(), of_each, " on the device"),
    ):
        if free is not None and needed > free:
            reason = f"needs about {_gib(needed)}, {_gib(free)} are free{where}"
            return Outcome(problem=problem.reference, status="skipped", reason=reason)
    make_ready(backend, problem)
    return _check(backend, problem, job) if job.check else _time(backend, problem, job)


def _extra(
    backend: Backend, problem: Problem, job: Batch, context_seconds: float | None
) -> Outcome:
    effort = Effort(job.samples, job.minimum_seconds, job.iterations)
    parts: Iterable[Part]
    match job.extra:
        case "phases":
            parts = extras.phases(backend, problem, job.dtype, effort)
        case "ceiling":
            parts = extras.ceilings(backend, job.dtype, effort)
        case "kernels":
            parts = extras.kernels(backend, problem, job.dtype)
        case "profile":
            parts = extras.profile(backend, problem, job.dtype)
        case "device":
            parts = extras.device_costs(backend, problem, job.dtype, effort, context_seconds)
        case "energy":
            parts = extras.energy(backend, problem, job.dtype)
        case _:
            parts = extras.harness()
    return Outcome(problem=problem.reference, status="ok", parts=tuple(parts))


def _check(backend: Backend, problem: Problem, job: Batch) -> Outcome:
    difference = agreement.check(backend, problem, job.dtype, _reference(problem, job))
    if not difference.agrees:
        tell = shlex.join(["perceptron", "check", backend.name, "--problem", problem.reference])
        raise UserError(f"{difference}; run: {tell}")
    return Outcome(problem=problem.reference, status="ok")


def _time(backend: Backend, problem: Problem, job: Batch) -> Outcome:
    hardware = hardware_of(backend)
    hardware.release()
    hardware.watch_memory()
    begin = time.perf_counter()
    trainer = backend.prepare(problem, job.dtype)
    prepare_seconds = time.perf_counter() - begin
    from_cache = getattr(backend, "prepared_from_cache", None)
    assert_threads_of_each(backend, threads_of_each(backend, job.threads))
    hardware.warm_up(trainer)
    least = max(job.minimum_seconds, least_seconds_of(backend, problem))
    effort = Effort(job.samples, least, job.iterations)
    with meter_of(backend) as meter:
        timing = time_training(trainer, effort, meter=meter)
    hardware.has_worked()
    loss = trainer.loss()
    if not isfinite(loss):
        name = "NaN" if isnan(loss) else f"{loss}"
        raise UserError(
            f"the loss is {name} after {timing.iterations:,} iterations: lower the rate"
        )
    own = {
        "prepare_seconds": prepare_seconds,
        "prepared_from_cache": from_cache() if from_cache is not None else None,
        "peak_bytes": hardware.peak_bytes(),
        "gpu": hardware.state_at_work(trainer, timing),
        "device_seconds": hardware.own_seconds(trainer, timing),
    }
    return Outcome(problem=problem.reference, **timed(timing) | own)


def _reference(problem: Problem, job: Batch) -> Reference:
    """Return the reference result, from another worker of this run if one has it already."""
    if job.references is None:
        return _new_reference(problem)
    digest = hashlib.sha256(problem.name.encode()).hexdigest()[:16]
    file = Path(job.references) / digest
    if file.exists():
        found: Reference = pickle.loads(file.read_bytes())  # noqa: S301 a worker of ours wrote it
        return found
    expected = _new_reference(problem)
    replace(file, pickle.dumps(expected))
    return expected


def _new_reference(problem: Problem) -> Reference:
    """Compute the reference result, of short iterations in one thread.

    Several gain little on their products, and beside a busy process they wait for each other: on
    two cores ten iterations on batches of 128 then took two to three times the processor time.
    """
    limit = 1 if cost.operations(problem) < _SHORT_OPERATIONS else None
    with threadpool_limits(limits=limit):
        return agreement.reference(problem)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
