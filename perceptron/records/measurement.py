"""A row of times: what one process measured of one backend on one problem."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from perceptron.processes.waiting import largest_wait_share
from perceptron.records.conditions import GpuState

Status = Literal["ok", "skipped", "failed"]
# Measurements that explain a training. Each has a family of its own name, except the phases of an
# iteration, whose rows are of the problem's family.
ExtraName = Literal["phases", "ceiling", "harness", "kernels", "profile", "device", "energy"]

PHASES: ExtraName = "phases"
"""Phases of an iteration, each timed from the iteration's start to the phase's end."""
CEILING: ExtraName = "ceiling"
"""The highest rates of a device, from a large product and a large copy."""
HARNESS: ExtraName = "harness"
"""The cost of measuring itself."""
KERNELS: ExtraName = "kernels"
"""Number of kernels that an iteration launches, as the size of the row."""
PROFILE: ExtraName = "profile"
"""Kernels of an iteration as a profiler recorded them on the device."""
DEVICE: ExtraName = "device"
"""The costs of a device around the iterations."""
ENERGY: ExtraName = "energy"
"""Energy of one iteration, from the device's counter."""
EXTRAS = frozenset(get_args(ExtraName))
"""The families of rows that are no trainings."""

# A size along one axis of a family. The bound keeps untrusted numbers out of overflow.
AxisSize = Annotated[int, Meta(ge=1, le=2**40)]


# There may be millions of rows, and none is part of a reference cycle.
class Timings(Struct, frozen=True, kw_only=True, gc=False):
    """The times of one process on one problem and backend, or the reason why it has none."""

    seconds: float | None = None
    """Seconds of an iteration: the lower quartile of the samples."""
    samples: list[float] = []
    """Seconds of an iteration in each sample, in the order measured, without dropped samples."""
    iterations: int | None = None
    """Training iterations in each sample."""
    waited: float | None = None
    """Share of the samples' time that a thread was ready and had no core, added up over threads;
    None where the system does not tell."""
    contended: int | None = None
    """Samples that were dropped because their threads waited; None where waiting is unknown."""
    dropped: list[float] = []
    """Seconds of an iteration in each dropped sample, in the order measured."""
    prepare_seconds: float | None = None
    """Seconds of the setup: allocating, copying to the device, compiling and warming up, once."""
    prepared_from_cache: bool | None = None
    """Whether compiled code was found in a folder that outlives the process; None where nothing
    compiles."""
    peak_bytes: int | None = None
    """Peak memory above that of the process before the setup; on a device, the device's memory, if
    its library reports it."""
    device_seconds: float | None = None
    """Seconds of an iteration by the device's own events, with everything queued before it began;
    None without such events."""
    unpacked_seconds: float | None = None
    """Seconds of a call ``f(*arguments)`` of a function; None for trainings, and if a call takes so
    long that unpacking makes no difference."""
    energy_joules: float | None = None
    """Energy of an iteration, from the device's counter over two seconds or more."""
    gpu: GpuState | None = None
    """The device's state right after the samples."""
    anchors: dict[str, float] | None = None
    """Seconds of small reference tasks (``product``, ``memory``, ``loop``) in each process before
    its first job, equal in all rows of a process; None if not measured."""

    status: Status = "ok"
    reason: str | None = None
    """Why there is no time, in one line; None if there is one."""


class Measurement(Timings, frozen=True, kw_only=True, gc=False, tag="time", tag_field="kind"):
    """The times of one repeat: a problem of one size on a backend, in a fresh process.

    The repeat is the unit of uncertainty. Its samples share an address layout and a cache state and
    are not independent, so ``seconds`` is their lower quartile, and an interval comes from several
    repeats. None means: not measured.
    """

    source: str
    """The tool that measured: ``perceptron``, or the tool of the file."""
    machine: str
    environment: str | None = None
    """Id of the stored `Environment`."""
    commit: str | None = None
    """Revision of the measured code; ends in ``-dirty`` if it had changes."""
    code: str | None = None
    """Digest of the sources of perceptron that measured, the same in a wheel."""
    committed: str | None = None
    """Time of the commit (UTC, ISO 8601), where a source states it."""
    when: str
    """Time of the measurement, UTC, ISO 8601."""
    repeat: int = 0
    """Number of the fresh process, from 0; equal numbers of different backends form pairs."""

    problem: str | None = None
    """The value of ``--problem`` that measures it again; for a model file its name and a digest."""
    problem_digest: str | None = None
    """Digest of everything that defines the training."""
    family: str
    size: int | float
    sizes: tuple[AxisSize, AxisSize] | None = None
    """Sizes along both axes of a family of two, whose ``size`` is their product; else None."""
    axes: tuple[str, ...] = ()
    """The axes that ``size``, or each of ``sizes``, counts: ``rows``, ``batch``, ``width`` …; empty
    if nothing varies or the source does not state it."""
    rows: int | None = None
    features: int | None = None
    hidden: list[int] | None = None
    """Widths of the hidden layers."""
    outputs: int | None = None
    """Width of the last layer."""
    batch: int | None = None
    """Rows of an iteration; None if it takes all of them, or if the source does not state it."""
    iterations_per_epoch: int | None = None
    """Iterations that pass once over the rows."""
    models: int | None = None
    """Number of models; an iteration is a step of each. None means one model."""
    folds: bool | None = None
    """Whether each model trains on all rows but its fold; None as for ``models``."""
    optimizer: str | None = None
    """The optimizer's name and the options that cost time: ``sgd``, ``sgd momentum``, ``adam`` …"""
    feed: str | None = None
    """The place of the batches: ``resident`` on the device, or ``host``."""

    phase: str | None = None
    """The phase of an iteration at whose end the clock stopped; None for the whole iteration."""

    backend: str
    """The backend's name; over several processes with their number, as in ``torch-ddp@2``."""
    device: str | None = None
    dtype: str | None = None
    threads: int | None = None
    """Threads of each process."""
    processes: int | None = None
    """Processes that train together; None means one process."""

    stdev: float | None = None
    """Standard deviation of ``seconds`` as a foreign file states it."""
    low: float | None = None
    """Lower end of the 99% interval of ``seconds`` as a foreign file states it; None if open. It
    covers the samples of one process."""
    high: float | None = None
    """Upper end of that interval."""
    version: str | None = None
    """The benchmark's version, if its tool has one; different versions are not comparable."""
    file: str | None = None
    """The foreign file, if the row was read from one."""
    session: str | None = None
    """Start of the run that measured the row; readers set it from the run's file."""

    @property
    def all_threads(self) -> int | None:
        """Threads of all processes together; only rows with equal numbers are compared."""
        return None if self.threads is None else self.threads * (self.processes or 1)

    @property
    def all_models(self) -> int:
        """Number of models; divide by it for the time of one model."""
        return self.models or 1


# Threads that hand work to each other wait at each turn. Exchanging gradients takes extra threads:
# on two otherwise idle cores, two processes waited for 3 to 7% of nearly every sample. On a device,
# autograd changes threads twice in an iteration of 50 µs.
_HANDED_OVER = 0.15


def largest_waited(threads: int, processes: int = 1, device: str | None = None) -> float:
    """Return the share of waiting above which a sample of ``threads`` in all is contended.

    ``device`` is where they train; None and ``cpu`` are the host.
    """
    share = largest_wait_share(threads)
    hand_over = processes > 1 or device not in (None, "cpu")
    return max(share, _HANDED_OVER) if hand_over else share
