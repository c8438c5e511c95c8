"""Which rows can be measurements at all: files of results are untrusted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from perceptron.analysis.select import definitions
from perceptron.errors import UserError
from perceptron.records.conditions import GpuState
from perceptron.records.measurement import Measurement

# In an attosecond light crosses three atoms. Ten thousand iterations of the slowest row are still a
# number, and so is the square of a size.
SHORTEST_SECONDS = 1e-18
LONGEST_SECONDS = 1e9
LARGEST_JOULES = 1e15
SMALLEST_SIZE = 1e-9
LARGEST_SIZE = 2**60


def plausible(row: Measurement) -> bool:
    """Return whether the row's numbers can be calculated with; NaN and infinity cannot."""
    times = (row.seconds, row.device_seconds, row.prepare_seconds, row.stdev)
    counts = (
        *(row.threads, row.processes, row.iterations, row.batch),
        *(row.iterations_per_epoch, row.outputs),
    )
    amounts = (row.repeat, row.rows, row.peak_bytes, row.waited, row.contended)
    return (
        SMALLEST_SIZE <= row.size <= LARGEST_SIZE
        and _within(times, SHORTEST_SECONDS, LONGEST_SECONDS, zero=True)
        and _within(row.samples, SHORTEST_SECONDS, LONGEST_SECONDS, zero=True)
        and _within(row.dropped, SHORTEST_SECONDS, LONGEST_SECONDS, zero=True)
        and _within(counts, 1, LARGEST_SIZE)
        and _within(amounts, 0, LARGEST_SIZE)
        and (row.energy_joules is None or 0 <= row.energy_joules <= LARGEST_JOULES)
        and (row.gpu is None or _within(_readings(row.gpu), -LARGEST_SIZE, LARGEST_SIZE))
    )


def _within(values: Iterable[float | None], least: float, most: float, zero: bool = False) -> bool:
    # A plain loop: every row of a folder passes here, and a generator takes twice as long.
    for value in values:
        if value is not None and not least <= value <= most and not (zero and value == 0):
            return False
    return True


def _readings(gpu: GpuState) -> tuple[float | None, ...]:
    """Return clocks, a limit and a temperature, which may be below 0."""
    return (gpu.sm_mhz, gpu.max_sm_mhz, gpu.power_limit_watts, gpu.temperature_celsius)


def usable_rows(folder: Path, rows: Iterable[Measurement]) -> list[Measurement]:
    """Return the rows of a run that can be judged together: possible numbers, one definition.

    Raises `UserError` where none states its threads.
    """
    rows = [row for row in rows if plausible(row)]
    rows = definitions(rows).keep(rows)
    if not any(row.all_threads for row in rows):
        raise UserError(f"{folder}: no rows that state their number of threads")
    return rows
