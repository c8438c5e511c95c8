"""A row of times: what one process measured of one backend on one problem."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from perceptron.records.conditions import GpuState
from perceptron.waiting import largest_waited_share

Status = Literal["ok", "skipped", "failed"]
# What explains a training and is none: each has a family of rows of its own name. But for the
# phases of an iteration, whose rows are of the problem's family.
ExtraName = Literal["phases", "ceiling", "harness", "kernels", "profile", "device", "energy"]

PHASES: ExtraName = "phases"
"""Phases of an iteration, each from its start up to the phase's end."""
CEILING: ExtraName = "ceiling"
"""What a device can do: a large product and a large copy."""
HARNESS: ExtraName = "harness"
"""What measuring itself takes."""
KERNELS: ExtraName = "kernels"
"""How many an iteration launches, as counted: the size of the row."""
PROFILE: ExtraName = "profile"
"""The same as a profiler saw them on the device."""
DEVICE: ExtraName = "device"
"""What a device costs around the iterations."""
ENERGY: ExtraName = "energy"
"""Energy of one iteration, by the device's own counter."""
EXTRAS = frozenset(get_args(ExtraName))
"""All of them: rows of these families are no trainings."""

# A size along one axis of a family. The bound keeps untrusted numbers out of overflow.
AxisSize = Annotated[int, Meta(ge=1, le=2**40)]


# Rows come by the million and refer to nothing that refers back: no cycles to look for.
class Timings(Struct, frozen=True, kw_only=True, gc=False):
    """What one process measured of one backend on one problem, or why it did not.

    A worker answers these fields and a row holds them; this is the one place that declares them.
    """

    seconds: float | None = None
    """Per training iteration: the lower quartile of the samples."""
    samples: list[float] = []
    """Seconds per training iteration, in the order measured, without those that were dropped."""
    iterations: int | None = None
    """Training iterations in each sample."""
    waited: float | None = None
    """Share of the samples' time that a thread was ready and had no core, added up over threads;
    None where the system does not tell."""
    contended: int | None = None
    """Samples that were dropped because their threads waited; None where waiting is unknown."""
    dropped: list[float] = []
    """Seconds per training iteration of the dropped samples, in the order measured."""
    prepare_seconds: float | None = None
    """Allocating, copying to the device, compiling and warming up, once."""
    prepared_from_cache: bool | None = None
    """Whether compiled code was looked for in a folder that outlives the process; None where
    nothing compiles."""
    peak_bytes: int | None = None
    """Most memory held beyond what the process held before preparing: the device's, where there is
    one and its library tells."""
    device_seconds: float | None = None
    """Per training iteration, what the device itself needs by its own events, where everything was
    queued before it began; None where that cannot be had."""
    energy_joules: float | None = None
    """Per training iteration, by the device's own counter over two seconds or more."""
    gpu: GpuState | None = None
    """The device's state right after the samples."""

    status: Status = "ok"
    reason: str | None = None
    """Why there is no time, in one line; None if there is one."""


class Measurement(Timings, frozen=True, kw_only=True, gc=False, tag="time", tag_field="kind"):
    """One (problem, size, backend, repeat).

    The repeat, a fresh process, is the unit of uncertainty: its samples share an address layout and
    a cache state and are not independent, so ``seconds`` is one robust number of them (their lower
    quartile) and an interval comes from several repeats. What is None was not measured.
    """

    source: str
    """What measured it: ``perceptron``, or the tool whose file it was read from."""
    machine: str
    environment: str | None = None
    """Id of the stored `Environment`."""
    commit: str | None = None
    """Revision of the code that was measured; holds ``-dirty`` if it had changes."""
    code: str | None = None
    """Digest of the sources that measured it, which a wheel has too."""
    committed: str | None = None
    """UTC, ISO 8601: when the commit was made, where a source states it."""
    when: str
    """UTC, ISO 8601."""
    repeat: int = 0
    """Which of the fresh processes that measure the same; those of different backends pair up."""

    problem: str | None = None
    """What ``--problem`` takes to measure it again; of a model file its name and a digest."""
    problem_digest: str | None = None
    """Digest of everything that defines the training; equal problems have equal ones."""
    family: str
    size: int | float
    sizes: tuple[AxisSize, AxisSize] | None = None
    """Along both axes of a family that has two, whose ``size`` is their product; else None."""
    axes: tuple[str, ...] = ()
    """What ``size`` counts, or each of ``sizes``: ``rows``, ``batch``, ``width`` …; empty where
    nothing varies or a source does not tell."""
    rows: int | None = None
    features: int | None = None
    hidden: list[int] | None = None
    """Widths of the hidden layers."""
    outputs: int | None = None
    """Width of the last layer."""
    batch: int | None = None
    """Rows of an iteration; None where it takes all of them, or where a source does not tell."""
    iterations_per_epoch: int | None = None
    """Iterations that pass once over the rows."""
    models: int | None = None
    """Trainings at once, an iteration being a step of each; None where a source does not tell,
    which means one."""
    folds: bool | None = None
    """Whether each of them trains on all rows but a fold of its own; None as ``models``."""
    optimizer: str | None = None
    """Its name and the parts that cost time: ``sgd``, ``sgd momentum``, ``adam`` …"""
    feed: str | None = None
    """Where batches come from: ``resident`` on the device, or ``host``."""

    phase: str | None = None
    """A part of an iteration, up to the end of which this row was timed; None for the whole."""

    backend: str
    """Its name; of one that trains over several processes with their number, as in ``torch-ddp@2``.
    """
    device: str | None = None
    dtype: str | None = None
    threads: int | None = None
    """Threads of each process."""
    processes: int | None = None
    """Processes that train together; None where a source does not tell, which means one."""

    stdev: float | None = None
    """Standard deviation of ``seconds`` as a foreign file states it; of what, its author knows."""
    low: float | None = None
    """Ends of the 99% interval of ``seconds`` as a foreign file states it, in seconds; an open end
    is None. It is about the samples of one process and knows nothing of others."""
    high: float | None = None
    version: str | None = None
    """The benchmark's version, where its tool keeps one: two versions measure two things."""
    file: str | None = None
    """The file that it was read from."""

    @property
    def all_threads(self) -> int | None:
        """Threads of all processes together: what two rows must share to be compared."""
        return None if self.threads is None else self.threads * (self.processes or 1)

    @property
    def all_models(self) -> int:
        """Models that an iteration takes a step of: divide by them for the time of one."""
        return self.models or 1


# To exchange gradients is work for threads that compute nothing, and on a full machine they take a
# core from those that do: on two cores, with nothing else on them, two processes waited for 3 to
# 7% of nearly every sample.
_OF_SEVERAL_PROCESSES = 0.15


def largest_waited(threads: int, processes: int = 1) -> float:
    """Return the share from which on a sample of so many threads in all is contended."""
    own = largest_waited_share(threads)
    return own if processes == 1 else max(own, _OF_SEVERAL_PROCESSES)
