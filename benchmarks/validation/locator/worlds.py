"""Simulated worlds with a single size axis, whose crossovers are known.

A backend's time is an overhead and the work over its rate, with steps where caches overflow. Each
process has a bias, taken from 240 real processes (process_noise.csv: the logarithm of each
process's time over the median, for five bodies, in the order measured); samples have heavy tails;
and the machine drifts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import pairwise
from math import exp, log, pi, sin
from pathlib import Path

import numpy as np

from perceptron.questions.crossover.locator import Search, next_measurements
from perceptron.records.measurement import Measurement
from perceptron.statistics.trimmed_mean import Array

INCUMBENT, CHALLENGER = "incumbent", "challenger"
SAMPLES = 5
_TAILS = 3  # degrees of freedom of Student's t: its fourth moment does not exist
_GRID = 4000
_ROUNDS = 60
# Sizes that the study begins together.
_AT_ONCE = 2

Disturbance = Callable[[int, float, int, int], float]
"""(side, size, process, jobs done by the process) → the log time that a session adds."""


@dataclass(frozen=True)
class Step:
    """A cache overflows: time grows by ``factor`` around ``size``, over ``blur`` of log size."""

    size: float
    factor: float
    blur: float


@dataclass(frozen=True)
class Cost:
    """The time of an iteration on a backend, in units of the incumbent's overhead."""

    overhead: float
    work: float
    """The time of the work at size 1."""
    power: float = 1.0
    steps: tuple[Step, ...] = ()

    def log_seconds(self, x: Array) -> Array:
        """Return the logarithm of the time at logarithms of sizes."""
        work = log(self.work) + self.power * x
        for step in self.steps:
            risen = 1 / (1 + np.exp(np.clip(-(x - log(step.size)) / step.blur, -50, 50)))
            work = work + log(step.factor) * risen
        return np.logaddexp(log(self.overhead), work)


@dataclass(frozen=True)
class Noise:
    """How times vary: between processes as ``bodies`` do, within them, and in the long run."""

    bodies: tuple[str, str]
    start: int
    """The index in the recorded processes at which this world begins."""
    by_size: bool
    """Whether a process has another bias at each size, or the same at all sizes."""
    sample: float
    """Scale of a sample's heavy-tailed log noise."""
    drift: float
    """Amplitude of the machine's drift, in log time."""
    period: float
    """The period of the drift, in measurements."""


@dataclass(frozen=True)
class World:
    """Two backends on sizes from ``low`` to ``high``."""

    low: int
    high: int
    costs: tuple[Cost, Cost]
    noise: Noise
    seed: int
    disturbance: Callable[[np.random.Generator], Disturbance] | None = None
    """A function that makes the disturbance of a session; None if sessions differ by noise only."""

    def ratio(self, x: Array) -> Array:
        """Return the true log-ratio, challenger over incumbent, at logarithms of sizes."""
        return self.costs[1].log_seconds(x) - self.costs[0].log_seconds(x)

    def excursions(self) -> list[tuple[float, float, float]]:
        """Return the stretches with one winner: (begin, end, largest log-ratio), in log size."""
        x = np.linspace(log(self.low), log(self.high), _GRID)
        ratio = self.ratio(x)
        signs = np.sign(ratio)
        changes = np.nonzero(signs[:-1] * signs[1:] < 0)[0]
        zeros = [
            float(x[k] + (x[k + 1] - x[k]) * ratio[k] / (ratio[k] - ratio[k + 1])) for k in changes
        ]
        ends = [float(x[0]), *zeros, float(x[-1])]
        return [(a, b, float(max(ratio[(x >= a) & (x <= b)], key=abs))) for a, b in pairwise(ends)]


@dataclass
class Clock:
    """Measures a world; time passes with every measurement."""

    world: World
    session: int | None = None
    """The number of the session; each has other noise."""
    measured: int = 0
    rows: list[Measurement] = field(default_factory=list)

    def __post_init__(self) -> None:
        number = self.session or 0
        self._random = np.random.default_rng(
            [self.world.seed, number] if number else self.world.seed
        )
        self._start = self.world.noise.start + 67 * number
        random = np.random.default_rng([self.world.seed, number, 1])
        self._disturbed = self.world.disturbance and self.world.disturbance(random)
        self._jobs: dict[tuple[int, int], int] = {}
        """Jobs done by each process of a side; a process stays for the whole session."""
        self._exact: dict[tuple[int, float], float] = {}
        """Log seconds by side and size."""

    def measure(self, sizes: Iterable[float], process: int) -> None:
        """Measure both backends in a process each, side by side, sizes in random order.

        As in a campaign, both are measured at a size before the next size.
        """
        sizes = list(sizes)
        for index in self._random.permutation(len(sizes)):
            for side in self._random.permutation(2):
                self.rows.append(self._row(sizes[index], int(side), process))

    def _row(self, size: float, side: int, process: int) -> Measurement:
        noise = self.world.noise
        tails = self._random.standard_t(_TAILS, SAMPLES)
        drift = noise.drift * sin(2 * pi * self.measured / noise.period)
        start = self._start + (int(size) * 7919 if noise.by_size else 0)
        bias = recorded()[noise.bodies[side]][(start + 2 * process + side) % len(recorded_any())]
        if (side, size) not in self._exact:
            cost = self.world.costs[side]
            self._exact[side, size] = float(cost.log_seconds(np.array([log(size)]))[0])
        base = self._exact[side, size] + bias + drift
        if self._disturbed:
            nth = self._jobs.get((side, process), 1)  # the first is done untimed before
            self._jobs[side, process] = nth + 1
            base += self._disturbed(side, size, process, nth)
        samples = [exp(base + noise.sample * max(-8.0, min(tail, 8.0))) for tail in tails.tolist()]
        self.measured += 1
        return Measurement(
            source="simulation",
            code="simulated",  # sessions of known code alone answer together
            machine="simulated",
            when=f"2026-01-01T0{self.session or 0}:00:00Z",
            session=None if self.session is None else f"2026-01-01T0{self.session}:00:00Z",
            repeat=process,
            problem=f"simulated:{size:g}",
            family="simulated",
            size=size,
            backend=(INCUMBENT, CHALLENGER)[side],
            device="cpu",
            seconds=sorted(samples)[SAMPLES // 4],  # their lower quartile
        )


def rounds(clock: Clock) -> None:
    """Measure the locator's requests, round by round, until there are none."""
    search = Search(clock.world.low, clock.world.high, at_once=_AT_ONCE)
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


@lru_cache(maxsize=1)
def recorded() -> dict[str, list[float]]:
    """Return the log bias of real processes by body, in the order measured."""
    text = Path(__file__).with_name("process_noise.csv").read_text("utf-8")
    names, *lines = text.split()
    columns = zip(*(map(float, line.split(",")) for line in lines), strict=True)
    return dict(zip(names.split(","), map(list, columns), strict=True))


def recorded_any() -> Sequence[float]:
    """Return the biases of the first body; their number is that of the processes."""
    return next(iter(recorded().values()))


def make_world(random: np.random.Generator) -> World:
    """Draw a world at random; it depends only on the generator's seed."""
    low = int(random.choice([1, 2, 4, 16]))
    high = round(low * 10 ** random.uniform(3, 5))
    kind = random.choice(
        ["change", "apart", "middle", "tie", "close"], p=[0.5, 0.15, 0.2, 0.05, 0.1]
    )
    costs = _COSTS[str(kind)](random, low, high)
    noise = Noise(
        bodies=bodies_of(random),
        start=int(random.integers(len(recorded_any()))),
        by_size=bool(random.random() < 0.5),
        sample=float(random.choice([0.01, 0.05, 0.15])),
        drift=float(random.uniform(0, 0.1)),
        period=float(random.uniform(20, 400)),
    )
    return World(low, high, costs, noise, int(random.integers(2**63)))


def bodies_of(random: np.random.Generator) -> tuple[str, str]:
    """Draw the bodies whose recorded processes give the noise of both backends."""
    return str(random.choice(list(recorded()))), str(random.choice(list(recorded())))


def between(random: np.random.Generator, low: float, high: float) -> float:
    """Draw a number, uniform in its logarithm."""
    return float(exp(random.uniform(log(low), log(high))))


def _steps(random: np.random.Generator, low: int, high: int) -> tuple[Step, ...]:
    return tuple(
        Step(between(random, low, high), between(random, 1.1, 2.0), between(random, 0.02, 0.5))
        for _ in range(random.choice([0, 0, 1, 2]))
    )


def _meeting(
    random: np.random.Generator, at: float, power: float, least: float = 1.2
) -> tuple[float, float, float]:
    """Return a challenger's overhead and work, and the incumbent's work: equal times at ``at``."""
    overhead = between(random, 1.3, 30)
    seconds = (overhead - 1) * between(random, least, 20)
    return overhead, (1 + seconds - overhead) / at**power, seconds / at**power


def change(
    random: np.random.Generator, low: int, high: int, has_steps: bool = True
) -> tuple[Cost, Cost]:
    """Draw a backend with little overhead and a backend with a high rate, with cache steps."""
    power = float(random.choice([1.0, 1.0, 0.8, 1.5]))
    overhead, work, ours = _meeting(random, between(random, low * 1.2, high / 1.2), power)
    cheap, quick = (
        Cost(start, rate, power, _steps(random, low, high) if has_steps else ())
        for start, rate in ((1.0, ours), (overhead, work))
    )
    return (cheap, quick) if random.random() < 0.75 else (quick, cheap)


def _apart(random: np.random.Generator, low: int, high: int) -> tuple[Cost, Cost]:
    """Draw a backend that is faster everywhere, unless a step makes it slower."""
    factor = between(random, 1.05, 5)
    work = 1 / between(random, low, high)
    better = Cost(1.0, work, 1.0, _steps(random, low, high))
    worse = Cost(factor * between(random, 1, 4), factor * work, 1.0, _steps(random, low, high))
    return (better, worse) if random.random() < 0.5 else (worse, better)


def _twice(
    random: np.random.Generator, low: int, high: int, middle: tuple[float, float]
) -> tuple[Cost, Cost]:
    """Draw a challenger that wins over a factor ``middle`` of sizes, until its cache overflows."""
    apart = between(random, *middle)
    at = between(random, low * 1.5, max(low * 2, high / apart / 1.5))
    overhead, work, ours = _meeting(random, at, 1.0, least=1.5)  # three times the rate at most
    cheap = Cost(1.0, ours)
    gained = ours / work
    factor = gained * between(random, 1.1, 2)
    quick = Cost(overhead, work, 1.0, (Step(at * apart, factor, between(random, 0.05, 0.3)),))
    return cheap, quick


def _tie(random: np.random.Generator, low: int, high: int) -> tuple[Cost, Cost]:
    """Draw two backends that are equal within a few per cent."""
    work = 1 / between(random, low, high)
    factors = random.uniform(0.97, 1.03, 2)
    return Cost(1.0, work), Cost(float(factors[0]), work * float(factors[1]))


_COSTS: dict[str, Callable[[np.random.Generator, int, int], tuple[Cost, Cost]]] = {
    "change": change,
    "apart": _apart,
    "middle": partial(_twice, middle=(4, 60)),
    "close": partial(_twice, middle=(1.1, 4)),
    "tie": _tie,
}
