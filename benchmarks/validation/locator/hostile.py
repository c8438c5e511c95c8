"""Simulated worlds that violate the locator's assumptions: states, order, and structure.

To the noise of `worlds` they add what misleads a search: a state of a whole session or process; a
slow first job; sizes that are slower than their neighbours; winners between two sizes. Each world
is measured at a fixed grid and by the search, in one session and in three.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, pairwise
from math import exp, log, log2, pi, sqrt

import numpy as np
from msgspec import Struct

from benchmarks.validation.locator.worlds import (
    CHALLENGER,
    INCUMBENT,
    Clock,
    Cost,
    Disturbance,
    Noise,
    World,
    between,
    bodies_of,
    change,
    make_world,
    rounds,
)
from perceptron.machine import usable_cores
from perceptron.measure.budget import Progress
from perceptron.questions.crossover.judge import Crossover, crossovers
from perceptron.questions.crossover.locator import Search, coarse_sizes
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import TIE
from perceptron.statistics.trimmed_mean import Array

REPEATS = 8
"""Processes of a fixed grid."""
SESSIONS = 3
_FINE = 800


# --- the shape of a ratio -------------------------------------------------------------------------


@dataclass(frozen=True)
class Shaped(Cost):
    """A cost with ``bump`` added to the logarithm of the time."""

    bump: Callable[[Array], Array] = np.zeros_like

    def log_seconds(self, x: Array) -> Array:
        """Return the logarithm of the time at logarithms of sizes."""
        return super().log_seconds(x) + self.bump(x)


def _aligned(x: Array, slower: float) -> Array:
    """Return ``slower`` at powers of two, and 0 at other sizes."""
    sizes = np.round(np.exp(x))
    powers = np.exp2(np.round(np.log2(np.maximum(sizes, 1))))
    return np.where((sizes == powers) & (np.abs(np.exp(x) - sizes) < 1e-6), slower, 0.0)


def _rippled(x: Array, height: float, period: float, phase: float) -> Array:
    return height * np.sin(2 * pi * x / period + phase)


def _risen(x: Array, size: float, height: float) -> Array:
    return height / (1 + np.exp(np.clip(-(x - log(size)) / 0.05, -50, 50)))


def _pocketed(x: Array, middle: float, width: float, height: float) -> Array:
    return _risen(x, middle / sqrt(width), height) - _risen(x, middle * sqrt(width), height)


def _shaped(cost: Cost, bump: Callable[[Array], Array]) -> Shaped:
    return Shaped(cost.overhead, cost.work, cost.power, cost.steps, bump)


# --- the worlds -----------------------------------------------------------------------------------


def _plain(random: np.random.Generator, costs: tuple[Cost, Cost] | None = None) -> World:
    """Draw a world with one change of winner, and sizes like those of families."""
    low = int(random.choice([1, 2, 4, 16]))
    high = low * 4 ** int(random.integers(5, 8))
    noise = Noise(
        bodies=bodies_of(random),
        start=int(random.integers(240)),
        by_size=bool(random.random() < 0.5),
        sample=float(random.choice([0.01, 0.05])),
        drift=0.0,
        period=100.0,
    )
    costs = costs or change(random, low, high, has_steps=False)
    return World(low, high, costs, noise, int(random.integers(2**63)))


def _in_states(
    random: np.random.Generator, *, of_process: bool, is_both: bool, is_normal: bool = False
) -> World:
    """Draw a world in which each session, or process, has a state that changes its times.

    If both backends vary, the second varies less, and not always in the same direction.
    """
    first = log(between(random, 1.1, 1.6))
    effects = (first, first * random.uniform(-0.3, 0.5) if is_both else 0.0)
    side = int(random.integers(2))

    def disturbance(rng: np.random.Generator) -> Disturbance:
        states: dict[int, float] = {}

        def effect(backend: int, size: float, process: int, nth: int) -> float:
            key = process if of_process else 0
            if key not in states:
                states[key] = float(rng.normal(0, 0.5) if is_normal else rng.choice([-0.5, 0.5]))
            return states[key] * effects[0 if backend == side else 1]

        return effect

    return replace(_plain(random), disturbance=disturbance)


def _alike(random: np.random.Generator) -> World:
    """Draw a world whose processes resemble the processes before them: AR(1), 0.9."""
    deviation = between(random, 0.03, 0.15)

    def disturbance(rng: np.random.Generator) -> Disturbance:
        chains: tuple[list[float], list[float]] = ([], [])

        def effect(backend: int, size: float, process: int, nth: int) -> float:
            chain = chains[backend]
            while len(chain) <= process:
                step = rng.normal(0, deviation)
                chain.append(0.9 * chain[-1] + sqrt(1 - 0.81) * step if chain else float(step))
            return chain[process]

        return effect

    return replace(_plain(random), disturbance=disturbance)


def _first_slow(random: np.random.Generator) -> World:
    """Draw a world in which the first job of a process is slow, and the second a little slower."""
    slower = (log(between(random, 1.2, 1.8)), log(between(random, 1.0, 1.2)))
    side = int(random.integers(2))

    def disturbance(rng: np.random.Generator) -> Disturbance:
        return lambda backend, size, process, nth: (
            slower[backend != side] * 0.2**nth if nth < 3 else 0.0
        )

    return replace(_plain(random), disturbance=disturbance)


def _by_size(random: np.random.Generator) -> World:
    """Draw a world in which some sizes vary ten times as much as others."""
    loud = {exponent: between(random, 0.01, 0.2) for exponent in range(-1, 40)}

    def disturbance(rng: np.random.Generator) -> Disturbance:
        return lambda backend, size, process, nth: float(rng.normal(0, loud[round(log2(size))]))

    return replace(_plain(random), disturbance=disturbance)


def _powers_slower(random: np.random.Generator) -> World:
    world = _plain(random)
    bump = partial(_aligned, slower=log(1 + random.uniform(0.10, 0.35)))
    return _with_bump(world, int(random.integers(2)), bump)


def _with_bump(world: World, side: int, bump: Callable[[Array], Array]) -> World:
    costs = list(world.costs)
    costs[side] = _shaped(costs[side], bump)
    return replace(world, costs=(costs[0], costs[1]))


def _ripple(random: np.random.Generator) -> World:
    bump = partial(
        _rippled,
        height=random.uniform(0.05, 0.15),
        period=log(between(random, 1.5, 4)),
        phase=random.uniform(0, 2 * pi),
    )
    return _with_bump(_plain(random), 1, bump)


def _apart(random: np.random.Generator, least: float, most: float) -> World:
    """Draw a world in which a backend leads by a factor of ``least`` to ``most`` everywhere."""
    lead = between(random, least, most)
    cost = Cost(1.0, 1 / between(random, 16, 4096))
    return _plain(random, (cost, Cost(lead, cost.work * lead)))


def _equal_steps(random: np.random.Generator) -> World:
    """Draw a world in which both backends overflow a cache, by the same factor at two sizes."""
    world, factor = _apart(random, 1.08, 2.0), between(random, 1.1, 1.5)
    factor *= world.costs[1].overhead
    at = between(random, world.low * 4, world.high / 16)
    later = at * between(random, 1.5, 4)
    world = _with_bump(world, 0, partial(_risen, size=at, height=log(factor)))
    return _with_bump(world, 1, partial(_risen, size=later, height=log(factor)))


def _pocket(random: np.random.Generator, width: float) -> World:
    """Draw a world with another winner in the middle, over a factor ``width`` of sizes."""
    world = _apart(random, 1.08, 2.0)
    middle = between(random, world.low * 4, world.high / 4)
    height = log(world.costs[1].overhead * between(random, 1.1, 1.5))
    return _with_bump(world, 0, partial(_pocketed, middle=middle, width=width, height=height))


def _flattening(random: np.random.Generator) -> World:
    """Draw a world in which a lead at small sizes becomes a difference within 4%."""
    work = 1 / between(random, 16, 4096)
    overhead, factor = between(random, 1.3, 4), 1 + random.uniform(-0.04, 0.04)
    return _plain(random, (Cost(1.0, work), Cost(overhead, work * factor)))


WORLDS: dict[str, Callable[[np.random.Generator], World]] = {
    "noise": make_world,
    "variance by size": _by_size,
    "similar processes": _alike,
    "modes of both": partial(_in_states, of_process=True, is_both=True),
    "modes of one": partial(_in_states, of_process=True, is_both=False),
    "state of both": partial(_in_states, of_process=False, is_both=True),
    "state of one": partial(_in_states, of_process=False, is_both=False),
    "normal state": partial(_in_states, of_process=False, is_both=True, is_normal=True),
    "first job slow": _first_slow,
    "powers of two slower": _powers_slower,
    "ripple": _ripple,
    "equal steps": _equal_steps,
    **{f"pocket × {width:g}": partial(_pocket, width=width) for width in (1.5, 2, 3, 5)},
    "flattening": _flattening,
}


# --- what was found in them -----------------------------------------------------------------------


class HostileTrial(Struct, frozen=True, kw_only=True):
    """The locator's answer in a case, judged."""

    decided: bool
    wrong: bool
    """Whether it is decided with a status that is not true."""
    range_wrong: bool
    """Whether a decided range has a size with another winner, by more than a tie."""
    covered: bool | None
    """Whether the interval holds the crossover; None unless there is exactly one of each."""
    measurements: int
    """The number of measurements: sizes times processes."""


class HostileRow(Struct, frozen=True, kw_only=True):
    """The trials of a world, measured in one way."""

    world: str
    searched: bool
    sessions: int
    trials: list[HostileTrial]


_Case = tuple[str, int, bool, int]


def hostile(names: list[str], cases: int, seed: int, progress: Progress) -> list[HostileRow]:
    """Try ``cases`` cases of each of these worlds, at the fixed grid and by the search."""
    rows: list[HostileRow] = []
    ways = [(searched, runs) for searched in (False, True) for runs in (1, SESSIONS)]
    total = len(names) * len(ways) * cases
    with ProcessPoolExecutor(usable_cores()) as pool:
        for name in names:
            for searched, runs in ways:
                progress(len(rows) * cases, total, f"{name} in simulated cases")
                kind = list(WORLDS).index(name)
                todo = [
                    (name, _seed(seed, kind, number), searched, runs) for number in range(cases)
                ]
                trials = list(pool.map(hostile_trial, todo, chunksize=10))
                rows.append(HostileRow(world=name, searched=searched, sessions=runs, trials=trials))
    return rows


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])


def hostile_trial(case: _Case) -> HostileTrial:
    """Measure a world in the case's number of sessions, and judge the answer."""
    name, seed, searched, sessions = case
    world = WORLDS[name](np.random.default_rng(seed))
    rows: list[Measurement] = []
    for session in range(sessions):
        clock = Clock(world, session if sessions > 1 else None)
        if searched:
            rounds(clock)
        else:
            for process in range(REPEATS):
                clock.measure(coarse_sizes(Search(world.low, world.high)), process)
        rows += clock.rows
    (crossover,) = crossovers(rows, [(INCUMBENT, CHALLENGER)])
    return scored(world, crossover, len(rows) // 2)


def scored(world: World, answer: Crossover, measurements: int = 0) -> HostileTrial:
    """Judge an answer in this world; return the trial with its errors."""
    stretches = world.excursions()
    crossings = [start for start, _, _ in stretches[1:]]
    decided = answer.decided == "yes"
    covered = None
    if answer.size is not None and len(crossings) == 1:
        covered = (answer.low or 0.0) <= exp(crossings[0]) <= (answer.high or float("inf"))
    return HostileTrial(
        decided=decided,
        wrong=decided and answer.status not in true_statuses([depth for *_, depth in stretches]),
        range_wrong=any(_is_wrong(world, answer, *stretch) for stretch in answer.decided_ranges),
        covered=covered,
        measurements=measurements,
    )


def _is_wrong(world: World, answer: Crossover, low: float, high: float) -> bool:
    """Return whether a range names the wrong winner at some size, or a tie that is none."""
    fine = np.unique(np.round(np.geomspace(world.low, world.high, _FINE)))
    between = fine[(fine > low) & (fine < high) & (np.log2(fine) % 1 > 0)]
    inside = np.concatenate([between, [low, high]])
    ratios = world.ratio(np.log(inside))
    standing = next(point.standing for point in answer.ratio_at if point.size == low)
    if standing == "tie":
        return bool((np.abs(ratios) > 2 * TIE).any())
    sign = 1 if standing == "slower" else -1
    return bool((sign * ratios < -TIE).any())


def true_statuses(depths: list[float]) -> set[str]:
    """Return all statuses that are true of stretches with these largest log-ratios.

    Stretches are in order of size. A stretch within ±5% may be reported or omitted.
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
