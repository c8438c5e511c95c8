"""An answer that was asked for, found again among the sweeps of the page."""

from __future__ import annotations

from msgspec.structs import replace

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.interval import Interval
from perceptron.analysis.stored.sweep import CurvePoint, Sweep

Pair = frozenset[str]
"""Two backends, whichever is the incumbent."""


def pair_of(crossover: Crossover) -> Pair:
    """Return the two backends."""
    return frozenset((crossover.incumbent, crossover.challenger))


class Asked:
    """The answer of a search for crossovers, and what of it belongs to a sweep; None is no answer.

    An answer has thousands of rows where files have many cases, so its rows are read once.
    """

    def __init__(self, result: CrossoverResult | None) -> None:
        self.result = result
        self._states = {
            (row.source, row.machine, row.family, row.commit, row.dtype, row.threads)
            for row in (result.rows if result else ())
        }
        self._pairs: dict[tuple[object, ...], dict[Pair, Crossover]] = {}
        for crossover in result.crossovers if result else ():
            where = (crossover.family, crossover.machine, crossover.dtype, crossover.threads)
            self._pairs.setdefault(where, {})[pair_of(crossover)] = crossover
        self._places = {where: place for place, where in enumerate(self._pairs)}

    def holds(self, sweep: Sweep) -> bool:
        """Return whether the sweep is among what the answer was read off."""
        state = (sweep.source, sweep.machine, sweep.family, sweep.commit)
        return (*state, sweep.dtype, sweep.threads) in self._states

    def place(self, sweep: Sweep) -> int:
        """Return where in the answer the sweep's family and ground stand."""
        return self._places.get((sweep.family, sweep.machine, sweep.dtype, sweep.threads), 0)

    def pairs(self, sweep: Sweep) -> dict[Pair, Crossover]:
        """Return the pairs that were asked for on the sweep's family and ground."""
        if not self.holds(sweep):
            return {}
        return self._pairs.get((sweep.family, sweep.machine, sweep.dtype, sweep.threads), {})

    def turned(self, sweep: Sweep) -> Sweep:
        """Return the sweep with each pair the way round in which it was asked for."""
        wanted = self.pairs(sweep)
        crossovers, ratios = [], []
        for crossover, spots in zip(sweep.crossovers, sweep.ratios, strict=True):
            own = wanted.get(pair_of(crossover), crossover)
            is_turned = own.incumbent == crossover.challenger
            crossovers.append(own if is_turned else crossover)
            ratios.append([_turned(spot) for spot in spots] if is_turned else spots)
        return replace(sweep, crossovers=crossovers, ratios=ratios)


def _turned(spot: CurvePoint) -> CurvePoint:
    value = spot.value
    low, high = (1 / end if end else None for end in (value.high, value.low))
    return CurvePoint(spot.size, Interval(1 / value.estimate, low, high), spot.processes)
