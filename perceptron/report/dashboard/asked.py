"""An answer that was asked for, found again among the sweeps of the page."""

from __future__ import annotations

from msgspec.structs import replace

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.stored.sweep import Sweep
from perceptron.records.ground import ground
from perceptron.records.measurement import Measurement

Pair = frozenset[str]
"""Two backends, whichever is the incumbent."""
_Place = tuple[object, ...]


def pair_of(crossover: Crossover) -> Pair:
    """Return the two backends."""
    return frozenset((crossover.incumbent, crossover.challenger))


def on_ground(of: Sweep | Crossover | Measurement) -> _Place:
    """Return of which family and on which ground something was measured."""
    return of.family, ground(of)


def in_state(of: Sweep | Crossover | Measurement) -> _Place:
    """Return the same, and in which state of the code."""
    return (*on_ground(of), of.source, of.commit, of.environment, of.version, of.code)


class Asked:
    """The answer of a search for crossovers, and what of it belongs to a sweep; None is no answer.

    An answer has thousands of rows where files have many cases, so its rows are read once.
    """

    def __init__(self, result: CrossoverResult | None) -> None:
        self.result = result
        self._states = {in_state(row) for row in (result.rows if result else ())}
        self._wanted: dict[_Place, set[Pair]] = {}
        self._answers: dict[_Place, dict[Pair, Crossover]] = {}
        for crossover in result.crossovers if result else ():
            pair = pair_of(crossover)
            self._wanted.setdefault(on_ground(crossover), set()).add(pair)
            self._answers.setdefault(in_state(crossover), {})[pair] = crossover
        self._places = {where: place for place, where in enumerate(self._wanted)}

    def holds(self, sweep: Sweep) -> bool:
        """Return whether the sweep is among what the answer was read off."""
        return in_state(sweep) in self._states

    def place(self, sweep: Sweep) -> int:
        """Return where in the answer the sweep's family and ground stand."""
        return self._places.get(on_ground(sweep), 0)

    def pairs(self, sweep: Sweep) -> set[Pair]:
        """Return the pairs that were asked for on the sweep's family and ground."""
        return self._wanted.get(on_ground(sweep), set()) if self.holds(sweep) else set()

    def turned(self, sweep: Sweep) -> Sweep:
        """Return the sweep with each pair the way round in which it was asked for."""
        answers = self._answers.get(in_state(sweep), {})

        def as_asked(crossover: Crossover) -> Crossover:
            own = answers.get(pair_of(crossover), crossover)
            return own if own.incumbent == crossover.challenger else crossover

        return replace(sweep, crossovers=[as_asked(crossover) for crossover in sweep.crossovers])
