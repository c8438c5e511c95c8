"""The conditions of a run: facts that change from one minute to the next."""

from __future__ import annotations

from msgspec import Struct, field


class Steadiness(Struct, frozen=True, kw_only=True):
    """The times of equal work in one fresh process after another."""

    seconds: list[float]
    """Lower quartile of each process's samples, in the order measured."""
    variation: float
    """Robust coefficient of variation: 1.4826 × median absolute deviation / median."""
    slowest_to_fastest: float
    """Ratio of the slowest process to the fastest, from 1."""


class GpuState(Struct, frozen=True, kw_only=True):
    """The clock of a GPU, and the reasons for it. None means not reported."""

    name: str
    sm_mhz: int | None = None
    """Clock of the multiprocessors."""
    max_sm_mhz: int | None = None
    idle: bool | None = None
    """Whether the driver lowered the clock because there was nothing to do."""
    slowed_by: list[str] | None = None
    """Everything else that lowers the clock."""
    power_limit_watts: float | None = None
    temperature_celsius: int | None = None
    locked: bool | None = None
    """Whether the clock is locked; this suite never locks it."""
    exclusive: bool | None = None
    """Whether its compute mode allows at most one process at a time."""


class OtherProcess(Struct, frozen=True, kw_only=True):
    """Another process that used the cores for some seconds."""

    name: str
    """Its name, in one line of at most 40 characters."""
    pid: int
    share: float
    """CPU seconds per second: 1 is a whole core."""


class CoreUse(Struct, frozen=True, kw_only=True):
    """Other users of the cores over some seconds. None is *unknown*."""

    other_processes: list[OtherProcess] | None = field(name="neighbours", default=None)
    """Processes of others that used a tenth of a core or more, largest first."""
    other_cores: float | None = None
    """CPU seconds per second that all other processes took of the cores that we may use; processes
    that are smaller or not visible to us included."""
    threads_waited: float | None = None
    """Share of these seconds in which some thread of the machine was ready and had no core."""


class Conditions(CoreUse, frozen=True, kw_only=True):
    """Facts of one moment; `Environment` has those of the whole run. None is *unknown*."""

    governors: list[str] | None = None
    """Frequency governors of the CPUs (Linux), each once."""
    load: float | None = None
    """Load average over the last minute; None also if we may use only some of the cores."""
    quota_cores: float | None = None
    """CPU seconds per second that a control group grants; None also without a limit."""
    loop: Steadiness | None = None
    """Steadiness of the CPU, measured with a fixed loop."""
    steal_share: float | None = None
    """Share, from 0 to 1, of the busy CPU time that the hypervisor gave to other guests while the
    loop, or the use of the cores, was measured."""
    swap_used_bytes: int | None = None
    swapped_bytes: int | None = None
    """Bytes swapped between memory and disk while the loop was measured."""
    clock_resolution_seconds: float | None = None
    """Resolution that the clock of the measurements states."""
    clock_tick_seconds: float | None = None
    """The smallest step seen between two of its readings."""
    on_battery: bool | None = None
    gpus: list[GpuState] = []
