"""Which figures tell most: a page draws those, and lists the rest with its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from math import inf, log

from msgspec import Struct

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.fleet.one_backend import MachineCurve
from perceptron.analysis.history.history import CaseHistory
from perceptron.analysis.stored.sweep import Sweep
from perceptron.report.charts.palette import MACHINES
from perceptron.report.dashboard.asked import Asked, Pair, pair_of

# Sweeps that a page has figures of, and cases of a history.
FIGURES = 50
# Ratios of pairs on a page, shared out over its sweeps; a sweep of four backends has six.
_RATIOS = 300
_FEWEST_RATIOS = 6

# Lines of machines in one figure: more cannot be told apart.
LINES = len(MACHINES)

_CROSSES, _DOUBTFUL, _APART, _NOT_MEASURED = range(4)


class Choice(Struct, frozen=True):
    """Sweeps with figures, the most telling first, and those that are only listed."""

    drawn: list[Sweep]
    listed: list[Sweep]


def most_telling_sweeps(sweeps: Sequence[Sweep], asked: Asked) -> Choice:
    """Choose the sweeps with figures; ``sweeps`` stand with the newest first.

    Those that an answer was read off come before all others, then those of the first machine, the
    newest of each case before older ones. Of these, one with a crossover tells more than one that
    changes sides several times or is suspect, and that more than one of which a backend stays
    ahead: the nearer they come, the more. What tells as much stands in the order of the answer, or
    of ``sweeps``.
    """
    commits: dict[tuple[str, ...], list[str | None]] = {}

    def rank(sweep: Sweep) -> tuple[object, ...]:
        seen = commits.setdefault((sweep.source, sweep.machine, sweep.family), [])
        if sweep.commit not in seen:
            seen.append(sweep.commit)
        telling = min(_ranks(sweep), default=(_NOT_MEASURED, inf))
        others = sweep.machine != sweeps[0].machine
        place = asked.place(sweep)
        return not asked.holds(sweep), others, seen.index(sweep.commit), telling, place

    ranked = [(rank(sweep), sweep) for sweep in sweeps]
    ordered = [sweep for _, sweep in sorted(ranked, key=lambda entry: entry[0])]
    return Choice(ordered[:FIGURES], ordered[FIGURES:])


def most_telling_pairs(sweep: Sweep, sweeps: int, wanted: Container[Pair] = ()) -> set[Pair]:
    """Return the pairs of a sweep with figures of their own, among so many sweeps on the page.

    Pairs that are ``wanted``, because they were asked for, come before all others.
    """
    room = min(FIGURES, max(_FEWEST_RATIOS, _RATIOS // max(1, sweeps)))
    pairs = [pair_of(crossover) for crossover in sweep.crossovers]
    ranks = [(pair not in wanted, rank) for pair, rank in zip(pairs, _ranks(sweep), strict=True)]
    chosen = sorted(range(len(pairs)), key=ranks.__getitem__)[:room]
    return {pairs[index] for index in chosen}


def most_telling_histories(
    histories: Sequence[CaseHistory],
) -> tuple[list[CaseHistory], list[CaseHistory]]:
    """Return the cases with figures and those that are only listed, each in their order.

    The larger a step up or down, the more a case tells.
    """

    def largest(past: CaseHistory) -> float:
        changes = (step.change for step in past.steps if step.change is not None)
        return max((abs(log(max(1 + change, 1e-300))) for change in changes), default=0.0)

    order = sorted(range(len(histories)), key=lambda index: -largest(histories[index]))
    chosen = set(order[:FIGURES])
    drawn = [past for index, past in enumerate(histories) if index in chosen]
    return drawn, [past for index, past in enumerate(histories) if index not in chosen]


def most_telling_machines(curves: Sequence[MachineCurve]) -> list[MachineCurve]:
    """Return the curves with a line, in order: the fastest, the slowest, others evenly between.

    They are ranked at the largest size that the most of them have.
    """
    if len(curves) <= LINES:
        return list(curves)
    counts = Counter(spot.size for one in curves for spot in one.curve.spots)
    at = max(counts, key=lambda size: (counts[size], size))

    def seconds(index: int) -> float:
        spots = curves[index].curve.spots
        return next((spot.value.estimate for spot in spots if spot.size == at), inf)

    order = sorted(range(len(curves)), key=seconds)[: counts[at]]
    order = order if len(order) >= LINES else sorted(range(len(curves)), key=seconds)
    chosen = {order[step * (len(order) - 1) // (LINES - 1)] for step in range(LINES)}
    return [curves[index] for index in sorted(chosen)]


def _ranks(sweep: Sweep) -> list[tuple[int, float]]:
    """Return how early each pair stands: the smallest first."""
    return [_rank(crossover) for crossover in sweep.crossovers]


def _rank(crossover: Crossover) -> tuple[int, float]:
    if crossover.size is not None:
        return _CROSSES, float(not crossover.sure)
    if crossover.status in ("multiple", "suspect"):
        return _DOUBTFUL, 0.0
    if crossover.status in ("undecided", "not measured"):
        return _NOT_MEASURED, 0.0
    return _APART, min((abs(log(at.ratio)) for at in crossover.ratio_at), default=inf)
