"""Which of several backends is the fastest, and which others may be as fast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.interval import Interval, is_slower
from perceptron.records.measurement import Measurement


def ranked(
    seconds: Mapping[str, Interval], decided: Mapping[tuple[str, str], bool]
) -> tuple[str, list[str]]:
    """Return the fastest of these names and those that may be as fast, the faster first.

    ``decided`` says of (faster, slower) pairs whether they are; those that are not in it are
    judged by the intervals of their times. A ratio is judged without contended processes, which a
    time may rest on: what is slower by its ratio is not the fastest by its time. Raises ValueError
    without a time.
    """
    names = sorted(seconds, key=lambda name: (seconds[name].estimate, name))
    best = next(
        (name for name in names if not any(decided.get((other, name)) for other in names)), names[0]
    )
    others = [name for name in names if name != best]
    return best, [
        name
        for name in others
        if not decided.get((best, name), apart(seconds[best], seconds[name]))
    ]


def apart(faster: Interval, slower: Interval) -> bool:
    """Return whether two intervals have nothing in common; single values have no interval."""
    return faster.high is not None and slower.low is not None and faster.high < slower.low


def ruled_out(crossovers: Iterable[Crossover]) -> dict[float, dict[tuple[str, str], bool]]:
    """Return by size whether the second of each (faster, slower) pair is surely slower.

    Only where the crossover itself calls the size decided: of many sizes one or two are apart by
    chance, and one size alone decides nothing.
    """
    by_size: dict[float, dict[tuple[str, str], bool]] = {}
    for crossover in crossovers:
        incumbent, challenger = crossover.incumbent, crossover.challenger
        for at in crossover.ratio_at:
            believed = crossover.status != "suspect" and any(
                low <= at.size <= high for low, high in crossover.decided
            )
            pairs = by_size.setdefault(at.size, {})
            pairs[incumbent, challenger] = believed and at.low is not None and at.low > 1
            pairs[challenger, incumbent] = believed and at.high is not None and at.high < 1
    return by_size


def ruled_out_side_by_side(
    rows: Iterable[Measurement], names: Iterable[str]
) -> dict[tuple[str, str], bool]:
    """Return `ruled_out` at one size from its rows, where there is no crossover to ask.

    By the processes that measured both; where none did, nothing is ruled out.
    """
    rows = list(rows)
    return {
        (faster, slower): is_slower(rows, slower, faster)
        for faster, slower in permutations(names, 2)
    }


def names_words(backend: str, unsure: Sequence[str]) -> str:
    """Return the fastest backend; where others may be as fast, that it is undecided."""
    names = [backend, *unsure]
    return f"undecided: {' or '.join(names)}" if unsure else backend
