"""What devices did and in which state they were, in words and tables."""

from __future__ import annotations

from collections.abc import Sequence

from perceptron.analysis.device_share import DeviceShare, is_beside_host
from perceptron.analysis.gpu_use import GpuUse, clock_words, kept_down_by
from perceptron.analysis.overhead.device import DevicePart
from perceptron.analysis.overhead.rung import Rung
from perceptron.numbers import (
    NONE,
    count,
    duration,
    duration_interval,
    joules,
    memory,
    rate,
    rough_percent,
    rough_percent_interval,
)
from perceptron.report.tables.terminal import out, table
from perceptron.untrusted_text import shortened

SHARE_TITLE = "On the device"
SHARE_COLUMNS = (
    "backend",
    "device",
    "its own time>",
    "busy ÷ wall>",
    "launch-bound",
    "energy of an iteration>",
    "peak memory>",
)
PART_TITLE = "Around the iterations"
PART_COLUMNS = ("backend", "device", "what", "time", "rate>", "processes>")
# Of a name that a file says a driver gave.
_LONGEST = 40


def show(rungs: Sequence[Rung], parts: Sequence[DevicePart], gpus: Sequence[GpuUse]) -> None:
    """Print what devices beside the host did; nothing where there is none."""
    cells = share_cells(rungs)
    if cells:
        table(SHARE_TITLE, SHARE_COLUMNS, cells)
    if parts:
        table(PART_TITLE, PART_COLUMNS, part_cells(parts))
    for line in (*energy_lines(rungs), *state_lines(gpus)):
        out.print(f"{line}\n", markup=False, soft_wrap=True)


def share_cells(rungs: Sequence[Rung]) -> list[tuple[str, ...]]:
    """Return a row for each rung with a time on a device beside the host."""
    return [
        (
            rung.backend,
            rung.device or NONE,
            NONE if rung.device_seconds is None else duration(rung.device_seconds),
            _busy(rung),
            _launches(rung),
            NONE
            if rung.energy_joules_per_iteration is None
            else joules(rung.energy_joules_per_iteration),
            NONE if rung.peak_bytes is None else memory(rung.peak_bytes, "MiB"),
        )
        for rung in _on_device(rungs)
    ]


def energy_lines(rungs: Sequence[Rung]) -> list[str]:
    """Return a line for each reason why the energy of an iteration is not known, with its rungs."""
    reasons: dict[str, list[str]] = {}
    for rung in _on_device(rungs):
        if rung.energy_joules_per_iteration is None:
            reasons.setdefault(str(rung.energy_reason), []).append(rung.backend)
    return [
        f"The energy of {', '.join(names)} was not measured: {reason}."
        for reason, names in reasons.items()
    ]


def _on_device(rungs: Sequence[Rung]) -> list[Rung]:
    """Return the rungs with a time on a device beside the host."""
    return [
        rung
        for rung in rungs
        if rung.seconds_per_iteration is not None and is_beside_host(rung.device)
    ]


def part_cells(parts: Sequence[DevicePart]) -> list[tuple[str, ...]]:
    """Return a row for each part; one that was not measured says why."""
    return [
        (
            part.backend,
            part.device or NONE,
            part.name,
            f"not measured: {part.reason}"
            if part.seconds is None
            else duration_interval(part.seconds, part.low, part.high),
            NONE if part.bytes_per_second is None else rate(part.bytes_per_second),
            count(part.processes),
        )
        for part in parts
    ]


def state_lines(gpus: Sequence[GpuUse]) -> list[str]:
    """Return a line for each GPU: clocks free or locked, limit, heat, and what slowed it."""
    return [_state(gpu) for gpu in gpus]


def _state(gpu: GpuUse) -> str:
    words = [
        {
            True: "clocks locked",
            False: "clocks free (not locked)",
            None: "whether clocks are locked is not known",
        }[gpu.locked]
    ]
    if gpu.sm_mhz is not None:
        words.append(clock_words(gpu.sm_mhz, gpu.max_sm_mhz))
    if gpu.power_limit_watts is not None:
        words.append(f"{gpu.power_limit_watts} W limit")
    if gpu.temperature_celsius is not None:
        words.append(f"{gpu.temperature_celsius} °C")
    if gpu.slowed_rows:
        by = kept_down_by(gpu.slowed_by)
        words.append(f"in {gpu.slowed_rows:,} of {gpu.rows:,} rows {by}")
    return f"{shortened(gpu.name, _LONGEST)}: {', '.join(words)}; read while it trained."


def _busy(rung: Rung) -> str:
    if rung.busy_share is None:
        return NONE
    return rough_percent_interval(rung.busy_share, rung.busy_low, rung.busy_high)


def _launches(rung: Rung) -> str:
    if rung.busy_share is None:
        return "not known"
    return "yes" if rung.bound == "launches" else "no"


def busy_cell(share: DeviceShare) -> str:
    """Return how much of the time the device is busy, and whether launches take the rest."""
    busy = share.busy
    words = rough_percent_interval(busy.estimate, busy.low, busy.high)
    return f"{words}, launch-bound" if share.launch_bound else words


def busy_words(share: float | None) -> str:
    """Return how much of the time the device is busy, after a comma; nothing if not known."""
    return "" if share is None else f", device busy {rough_percent(share)}"
