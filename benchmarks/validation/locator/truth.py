"""Is the locator right? It is run in simulated cases, whose crossovers are known.

A world is *clear* where each stretch with one winner has its largest log-ratio at three standard
errors of a size or more, and neighbouring crossovers lie a factor of four apart: there the status
must be right. In every other world it must not be wrong and sure.
"""

from __future__ import annotations

import time
from itertools import combinations, pairwise
from math import exp, inf, log

import numpy as np
from msgspec import Struct

from benchmarks.validation.locator.maps import MapTruth, map_truth
from benchmarks.validation.locator.worlds import CHALLENGER, INCUMBENT, Clock, World, make_world
from benchmarks.validation.share import Share, share
from perceptron.analysis.crossover.judge import Crossover, crossovers
from perceptron.analysis.crossover.locator import Search, next_measurements
from perceptron.analysis.interval import TIE, trimmed
from perceptron.machine import cpu_name
from perceptron.measure.budget import Progress
from perceptron.records.run import now
from perceptron.version import __version__

# Sizes a decade of the sweep that the locator is compared with.
DENSE = 24
# Standard errors and factor that make a world clear.
CLEAR_ERRORS = 3.0
CLEAR_FACTOR = 4.0
_ROUNDS = 60
# A dense sweep is simulated in one of so many worlds: it takes longer than all the rest.
_DENSE_EVERY = 4


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


class Truth(Struct, frozen=True, kw_only=True):
    """Everything that the simulated cases showed, when, where and with which version."""

    when: str
    machine: str
    version: str
    seconds: float
    locator: LocatorTruth
    map: MapTruth


class WorldTrial(Struct, frozen=True, kw_only=True):
    """One world: what is true there, and what was found."""

    clear: bool
    truth: list[str]
    """Statuses that are true; several where a stretch stays within ±5%."""
    status: str
    sure: bool
    covered: bool | None
    """Whether the interval holds the crossover; None where there is not exactly one."""
    width: float | None
    """Of the interval, as a ratio of sizes; inf where it is open."""
    measurements: int
    """Sizes times processes."""
    behind: int
    """Processes behind the answer: the most at a size of the bracket, or else at an end."""
    dense: int
    """Sizes of a dense sweep, times as many processes."""

    @property
    def right(self) -> bool:
        return self.status in self.truth


def trial(seed: int) -> WorldTrial:
    """Locate in the world of this seed."""
    world = make_world(np.random.default_rng(seed))
    clock = Clock(world)
    search = Search(world.low, world.high)
    for _ in range(_ROUNDS):
        requests = next_measurements(clock.rows, INCUMBENT, CHALLENGER, search)
        if not requests:
            break
        done = {(row.size, row.repeat) for row in clock.rows}
        for process in range(max(requests.values())):
            sizes = [
                size
                for size, processes in requests.items()
                if process < processes and (size, process) not in done
            ]
            if sizes:
                clock.measure(sizes, process)
    (crossover,) = crossovers(clock.rows, [(INCUMBENT, CHALLENGER)])
    return _trial(world, clock, crossover)


def _trial(world: World, clock: Clock, crossover: Crossover) -> WorldTrial:
    stretches = world.excursions()
    error = standard_error(world)
    crossings = [start for start, _, _ in stretches[1:]]
    clear = all(abs(depth) >= CLEAR_ERRORS * error for _, _, depth in stretches) and all(
        right - left >= log(CLEAR_FACTOR) for left, right in pairwise(crossings)
    )
    covered = width = None
    if crossover.size is not None and len(crossings) == 1:
        low, high = log(crossover.low or 1e-300), log(crossover.high) if crossover.high else inf
        covered = low <= crossings[0] <= high
        width = exp(high - low) if crossover.low and crossover.high else inf
    counts: dict[float, int] = {}
    for row in clock.rows:
        counts[row.size] = counts.get(row.size, 0) + 1
    sizes = DENSE * (log(world.high / world.low) / log(10)) + 1
    near = crossover.bracket or (crossover.sizes_measured[0], crossover.sizes_measured[-1])
    behind = max(counts[size] for size in near) // 2
    return WorldTrial(
        clear=clear,
        truth=sorted(true_statuses([depth for _, _, depth in stretches])),
        status=crossover.status,
        sure=crossover.is_decided,
        covered=covered,
        width=width,
        measurements=sum(counts.values()) // 2,
        behind=behind,
        dense=round(sizes * behind),
    )


def true_statuses(depths: list[float]) -> set[str]:
    """Return every status that is true of stretches with these largest log-ratios.

    They stand in order of size. A stretch within ±5% may be reported or left out.
    """
    small = [index for index, depth in enumerate(depths) if abs(depth) <= TIE]
    statuses = set()
    for count in range(len(small) + 1):
        for left_out in combinations(small, count):
            signs = [depth > 0 for index, depth in enumerate(depths) if index not in left_out]
            statuses.add(_status(signs))
    return statuses


def _status(signs: list[bool]) -> str:
    changes = [left for left, right in pairwise(signs) if left != right]
    if not signs:
        return "tie"
    if not changes:
        return "never" if signs[0] else "always"
    return "multiple" if len(changes) > 1 else "crosses" if signs[0] else "reverses"


def standard_error(world: World, processes: int = 8, windows: int = 30) -> float:
    """Return the standard error of a size's log-ratio with so many processes.

    It is the deviation of the estimate itself: consecutive processes are alike, and bursts come in
    rows, and neither may be averaged away.
    """
    clock = Clock(world)
    for process in range(processes * windows):
        clock.measure([world.low], process)
    by_process: dict[int, dict[str, float]] = {}
    for row in clock.rows:
        by_process.setdefault(row.repeat, {})[row.backend] = log(row.seconds or 1.0)
    ratios = np.array([seconds[CHALLENGER] - seconds[INCUMBENT] for seconds in by_process.values()])
    return float(np.std(trimmed(ratios.reshape(windows, processes))[0], ddof=1))


def dense_width(seed: int, processes: int) -> float | None:
    """Return the width of the crossover's interval from a dense sweep in the world of this seed.

    None where the sweep finds no single crossover, or an interval that is open.
    """
    world = make_world(np.random.default_rng(seed))
    decades = log(world.high / world.low) / log(10)
    steps = round(DENSE * decades)
    ratio = (world.high / world.low) ** (1 / steps)
    sizes = sorted({round(world.low * ratio**step) for step in range(steps + 1)})
    clock = Clock(world)
    for process in range(processes):
        clock.measure(sizes, process)
    (crossover,) = crossovers(clock.rows, [(INCUMBENT, CHALLENGER)])
    return crossover.high / crossover.low if crossover.low and crossover.high else None


def locator_truth(worlds: int, seed: int, progress: Progress) -> LocatorTruth:
    """Locate in this many worlds, those of the seeds that follow from ``seed``."""
    seeds = [
        int(world_seed)
        for world_seed in np.random.SeedSequence(seed).generate_state(worlds, np.uint64)
    ]
    trials, widths = [], []
    for index, world_seed in enumerate(seeds):
        progress(index, worlds, "crossovers in simulated cases")
        result = trial(world_seed)
        trials.append(result)
        if index % _DENSE_EVERY == 0 and result.clear and result.width not in (None, inf):
            dense = dense_width(world_seed, result.behind)
            if dense is not None:
                widths.append(log(dense) / log(result.width or inf))
    progress(worlds, worlds, "crossovers in simulated cases")
    clear = [result for result in trials if result.clear]
    return LocatorTruth(
        worlds=worlds,
        seed=seed,
        dense_sizes_per_decade=DENSE,
        rows=[
            _row("all", trials),
            _row("clear", clear),
            _row("others", [result for result in trials if not result.clear]),
        ],
        measurements=float(np.median([result.measurements for result in trials])),
        dense_worlds=len(widths),
        dense_width=float(np.median(widths)) if widths else None,
    )


def _row(name: str, trials: list[WorldTrial]) -> LocatorRow:
    covered = [result.covered for result in trials if result.covered is not None]
    widths = [result.width for result in trials if result.width is not None]
    return LocatorRow(
        worlds=name,
        right=share(sum(result.right for result in trials), len(trials)),
        wrong_and_sure=sum(result.sure and not result.right for result in trials),
        sure=share(sum(result.sure for result in trials), len(trials)),
        covered=share(sum(covered), len(covered)),
        width=float(np.median(widths)) if widths else None,
        cost=float(np.median([result.measurements / result.dense for result in trials]))
        if trials
        else 0.0,
    )


def truth(worlds: int, seed: int, progress: Progress) -> Truth:
    """Try the locator in so many simulated cases, and the map in a tenth as many."""
    begin = time.monotonic()
    return Truth(
        locator=locator_truth(worlds, seed, progress),
        map=map_truth(max(1, worlds // 10), seed, progress),
        when=now(),
        machine=cpu_name(),
        version=__version__,
        seconds=time.monotonic() - begin,
    )
