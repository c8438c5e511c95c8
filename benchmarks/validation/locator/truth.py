"""Is the locator right? It runs in simulated cases, whose crossovers are known.

A world is *clear* if the largest log-ratio of each stretch with one winner is three standard errors
of a size or more, and neighbouring crossovers lie a factor of four apart: there the status must be
right. In every other world it must not be wrong and decided.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from math import exp, inf, log

import numpy as np
from msgspec import Struct

from benchmarks.validation.locator.hostile import WORLDS, HostileRow, hostile, true_statuses
from benchmarks.validation.locator.maps import MapTruth, map_truth
from benchmarks.validation.locator.worlds import (
    CHALLENGER,
    INCUMBENT,
    Clock,
    World,
    make_world,
    rounds,
)
from perceptron.measure.budget import Progress
from perceptron.questions.crossover.judge import Crossover, crossovers
from perceptron.records.run import now
from perceptron.statistics.interval import trimmed

# Sizes a decade of the sweep that the locator is compared with.
DENSE = 24
# Standard errors and factor that make a world clear.
CLEAR_ERRORS = 3.0
CLEAR_FACTOR = 4.0


class WorldTrial(Struct, frozen=True, kw_only=True):
    """A world: its true statuses, and the locator's answer."""

    clear: bool
    truth: list[str]
    """Statuses that are true; several where a stretch stays within ±5%."""
    status: str
    sure: bool
    covered: bool | None
    """Whether the interval holds the crossover; None unless there is exactly one."""
    width: float | None
    """The width of the interval, as a ratio of sizes; inf if it is open."""
    measurements: int
    """The number of measurements: sizes times processes."""
    dense: int
    """Sizes of a dense sweep, times the processes behind the answer: the most at a size of the
    bracket, or else at an end."""

    @property
    def right(self) -> bool:
        return self.status in self.truth


def trial(seed: int) -> WorldTrial:
    """Locate the crossover in the world of this seed."""
    world = make_world(np.random.default_rng(seed))
    clock = Clock(world)
    rounds(clock)
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
        sure=crossover.decided == "yes",
        covered=covered,
        width=width,
        measurements=sum(counts.values()) // 2,
        dense=round(sizes * behind),
    )


def standard_error(world: World, processes: int = 8, windows: int = 30) -> float:
    """Return the standard error of a size's log-ratio over ``processes`` processes.

    It is the standard deviation of the estimate over ``windows``, because consecutive processes are
    correlated, and bursts span several.
    """
    clock = Clock(world)
    for process in range(processes * windows):
        clock.measure([world.low], process)
    by_process: dict[int, dict[str, float]] = {}
    for row in clock.rows:
        by_process.setdefault(row.repeat, {})[row.backend] = log(row.seconds or 1.0)
    ratios = np.array([seconds[CHALLENGER] - seconds[INCUMBENT] for seconds in by_process.values()])
    return float(np.std(trimmed(ratios.reshape(windows, processes))[0], ddof=1))


class Truth(Struct, frozen=True, kw_only=True):
    """The trials of ``worlds`` simulated cases, drawn from ``seed``."""

    worlds: int
    seed: int
    when: str
    seconds: float
    trials: list[WorldTrial]
    map: MapTruth
    each: int
    """Cases of each hostile world."""
    hostile: list[HostileRow]


def truth(
    worlds: int, seed: int, progress: Progress, each: int = 100, names: Sequence[str] = ()
) -> Truth:
    """Try the locator in ``worlds`` simulated cases, and the map in a tenth as many.

    Also try ``each`` cases of every hostile world, or of the worlds in ``names``.
    """
    begin = time.monotonic()
    trials = []
    for index, world_seed in enumerate(
        np.random.SeedSequence(seed).generate_state(worlds, np.uint64).tolist()
    ):
        progress(index, worlds, "crossovers in simulated cases")
        trials.append(trial(world_seed))
    progress(worlds, worlds, "crossovers in simulated cases")
    return Truth(
        worlds=worlds,
        seed=seed,
        trials=trials,
        map=map_truth(max(1, worlds // 10), seed, progress),
        each=each,
        hostile=hostile(list(names or WORLDS), each, seed, progress) if each else [],
        when=now(),
        seconds=time.monotonic() - begin,
    )
