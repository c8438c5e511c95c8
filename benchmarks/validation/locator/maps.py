"""Simulated worlds with two size axes, whose winner in every cell is known.

A backend's time is an overhead and the work over its rate. The work grows with powers of rows and
width, caches overflow at a step, and a backend may be made for some sizes, or lack the memory for
others. Each process multiplies the time by random noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np
from msgspec import Struct

from perceptron.measure.budget import Progress
from perceptron.questions.map.doubtful import next_cells
from perceptron.questions.map.grid import Cell, CellGrid, log_grid, times_by_cell
from perceptron.questions.map.judge import TIED, PhaseMap, phase_map_of
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import TIE

FAMILY = "simulated-map"
LOW, HIGH = (16, 4), (8192, 2048)
"""Rows and width at the corners: those of the family `mlp-map`."""
PROCESSES = 3
_MIDDLE = (360, 90)  # of both axes, in their logarithms
_OPERATIONS = 256  # of one iteration for each row and unit: two products with 64 features
_BYTES = 24  # of one iteration for each row and unit: six float32 activations


@dataclass(frozen=True)
class Island:
    """Sizes a backend is made for: ``gain`` in log time at the middle, fading over ``radius``."""

    rows: float
    width: float
    radius: float
    gain: float

    def at(self, rows: float, width: float) -> float:
        squared = log(rows / self.rows) ** 2 + log(width / self.width) ** 2
        return self.gain * exp(-((squared / self.radius**2) ** 2))


@dataclass(frozen=True)
class MapCost:
    """The time of an iteration on a backend."""

    overhead: float
    """The overhead in seconds."""
    rate: float
    """Operations per second."""
    exponents: tuple[float, float] = (1.0, 1.0)
    """The powers of rows and width with which the work grows, about the middle of the map."""
    cache_bytes: float = 1e6
    cache_step: float = 0.0
    """The growth of log time where the activations overflow the cache."""
    cache_blur: float = 0.2
    """The width of the cache's step, in log bytes."""
    memory_bytes: float = float("inf")
    island: Island | None = None

    def seconds(self, rows: int, width: int) -> float | None:
        """Return the seconds of an iteration; None if it does not fit in memory."""
        needed_bytes = _BYTES * rows * width
        if needed_bytes > self.memory_bytes:
            return None
        over_rows, over_width = rows / _MIDDLE[0], width / _MIDDLE[1]
        grown: float = over_rows ** self.exponents[0] * over_width ** self.exponents[1]
        work = _OPERATIONS * _MIDDLE[0] * _MIDDLE[1] * grown / self.rate
        step = self.cache_step / (1 + exp(-log(needed_bytes / self.cache_bytes) / self.cache_blur))
        gain = self.island.at(rows, width) if self.island else 0.0
        return (self.overhead + work * exp(step)) * exp(-gain)


@dataclass(frozen=True)
class MapWorld:
    """Costs by backend, and the standard deviation of a process's log time."""

    costs: dict[str, MapCost]
    noise: float
    seed: int

    def measure(self, rows: int, width: int) -> list[Measurement]:
        """Return the rows of one cell, the same at every call."""
        random = np.random.default_rng([self.seed, rows, width])
        return [
            self._row(backend, process, rows, width, random.normal(0.0, self.noise))
            for process in range(PROCESSES)
            for backend in self.costs
        ]

    def _row(self, backend: str, process: int, rows: int, width: int, off: float) -> Measurement:
        seconds = self.costs[backend].seconds(rows, width)
        return Measurement(
            source="simulated",
            machine="simulated",
            when="2026-01-01T00:00:00Z",
            repeat=process,
            problem=f"{FAMILY}:{rows}x{width}",
            family=FAMILY,
            size=rows * width,
            sizes=(rows, width),
            rows=rows,
            hidden=[width],
            backend=backend,
            dtype="float32",
            threads=1,
            seconds=None if seconds is None else seconds * exp(off),
            status="skipped" if seconds is None else "ok",
            reason="too large for the memory" if seconds is None else None,
        )


def world(seed: int) -> MapWorld:
    """Make a world of two or three backends, the same for the same seed."""
    random = np.random.default_rng(seed)
    light = _cost(random, overhead=exp(random.uniform(log(5e-6), log(4e-5))), rate=1e10)
    heavy = _cost(
        random,
        overhead=light.overhead * exp(random.uniform(log(1.5), log(20))),
        rate=light.rate * exp(random.uniform(log(1.3), log(8))),
    )
    costs = {"light": light, "heavy": heavy}
    kind = random.choice(["two", "accelerator", "island", "small memory"], p=[0.4, 0.2, 0.2, 0.2])
    if kind == "accelerator":
        costs["accelerator"] = _cost(
            random,
            overhead=heavy.overhead * exp(random.uniform(log(2), log(8))),
            rate=heavy.rate * exp(random.uniform(log(2), log(10))),
        )
    elif kind == "island":
        costs["island"] = replace(
            heavy,
            overhead=heavy.overhead * exp(random.uniform(0.1, 0.5)),
            rate=heavy.rate / exp(random.uniform(0.1, 0.5)),
            island=Island(
                rows=exp(random.uniform(log(100), log(1500))),
                width=exp(random.uniform(log(25), log(400))),
                radius=random.uniform(1.0, 2.0),
                gain=random.uniform(0.8, 1.6),
            ),
        )
    elif kind == "small memory":
        cells = exp(random.uniform(log(1e5), log(8e6)))
        costs["heavy"] = replace(heavy, memory_bytes=_BYTES * cells)
    return MapWorld(costs, noise=random.choice([0.0, 0.01, 0.02, 0.04, 0.08]), seed=seed)


def _cost(random: np.random.Generator, overhead: float, rate: float) -> MapCost:
    return MapCost(
        overhead=overhead,
        rate=rate,
        exponents=(random.uniform(0.85, 1.05), random.uniform(0.85, 1.05)),
        cache_bytes=exp(random.uniform(log(2.5e5), log(3e7))),
        cache_step=random.choice([0.0, random.uniform(0.1, 0.7)]),
        cache_blur=random.choice([0.05, 0.2, 0.5]),
    )


POINTS = 32


class MapScore(Struct, frozen=True, kw_only=True):
    """How much of a world's map was measured, and how much of it is right.

    ``clear`` counts the cells whose two fastest backends differ by more than ±5%, ``right`` those
    of them for which the map names the fastest, and ``decided`` those that it also calls no tie.
    """

    noise: float
    measured: float
    """Share of all cells that was measured."""
    clear: int
    right: int
    decided: int


class MapTruth(Struct, frozen=True, kw_only=True):
    """The maps of some worlds, and the cells of each."""

    cells: int
    scores: list[MapScore]


def map_truth(worlds: int, seed: int, progress: Progress) -> MapTruth:
    """Draw the maps of this many worlds, whose seeds count up from ``seed``."""
    grid = log_grid((LOW[0], HIGH[0]), (LOW[1], HIGH[1]), POINTS)
    scores = []
    for number in range(worlds):
        progress(number, worlds, "maps of simulated cases")
        map_world = world(seed + number)
        scores.append(_score(map_world, phase_map_of(explore(grid, map_world), grid)))
    progress(worlds, worlds, "maps of simulated cases")
    return MapTruth(cells=grid.cells, scores=scores)


def explore(grid: CellGrid, map_world: MapWorld) -> list[Measurement]:
    """Measure all rows of a map of this world."""
    rows: list[Measurement] = []
    while cells := next_cells(grid, times_by_cell(rows)):
        rows += [row for cell in cells for row in map_world.measure(*cell)]
    return rows


def _score(map_world: MapWorld, phase_map: PhaseMap) -> MapScore:
    clear = right = decided = 0
    for cell in phase_map.cells:
        fastest = _fastest(map_world, (cell.x, cell.y))
        if fastest is not None:
            clear += 1
            right += cell.fastest == fastest
            decided += cell.fastest == fastest and cell.winner != TIED
    measured = phase_map.cells_measured / len(phase_map.cells)
    return MapScore(
        noise=map_world.noise, measured=measured, clear=clear, right=right, decided=decided
    )


def _fastest(map_world: MapWorld, cell: Cell) -> str | None:
    """Return the backend that is fastest by more than a tie; None if there is none."""
    ordered: Sequence[tuple[float, str]] = sorted(
        (seconds, backend)
        for backend, cost in map_world.costs.items()
        if (seconds := cost.seconds(*cell)) is not None
    )
    if len(ordered) > 1 and log(ordered[1][0] / ordered[0][0]) <= TIE:
        return None
    return ordered[0][1] if ordered else None
