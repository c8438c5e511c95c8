"""How right the suite was in simulated worlds, whose answers are known."""

from __future__ import annotations

from msgspec import Struct

from benchmarks.validation.share import Share


class LocatorRow(Struct, frozen=True, kw_only=True):
    """The crossovers of one kind of world."""

    worlds: str
    right: Share
    """The status is the true one."""
    wrong_and_sure: int
    sure: Share
    covered: Share
    """Of the intervals, those that hold the true crossover."""
    width: float | None
    """Median of the intervals, as a ratio of sizes; None where there is none."""
    cost: float
    """Median of measurements over those of a dense sweep of equal certainty."""


class LocatorTruth(Struct, frozen=True, kw_only=True):
    """The locator in ``worlds`` worlds, those that follow ``seed``.

    ``dense_width`` is the median width of the interval of a dense sweep, over that of the locator,
    with equally many processes, in ``dense_worlds`` of the worlds; None where none had one.
    """

    worlds: int
    seed: int
    dense_sizes_per_decade: int
    rows: list[LocatorRow]
    measurements: float
    """Median: sizes times processes."""
    dense_worlds: int
    dense_width: float | None


class MapTruth(Struct, frozen=True, kw_only=True):
    """How much of the maps was measured, and how much of them is right.

    Of the cells whose two fastest backends differ by more than ±5 %: a cell is right where the map
    names the fastest, told where it also says that it is no tie. ``overall`` is of all cells of
    all worlds, ``least`` and ``median`` are of worlds.
    """

    worlds: int
    seed: int
    cells: int
    measured_median: float
    measured_95th: float
    measured_most: float
    right_overall: float
    right_median: float
    right_least: float
    right_worlds: float
    """Share of the worlds in which at least 99 % are right."""
    right_by_noise: dict[str, float]
    """Of all cells of the worlds with this standard deviation of a process's log time."""
    told_overall: float


class Truth(Struct, frozen=True, kw_only=True):
    """Everything that the simulated worlds showed, when, where and with which version."""

    when: str
    machine: str
    version: str
    seconds: float
    locator: LocatorTruth
    map: MapTruth
