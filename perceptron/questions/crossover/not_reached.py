"""Which pairs of backends had no turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from perceptron.questions.crossover.judge import Crossover
from perceptron.questions.shared.pairs import Pair
from perceptron.questions.shared.published import FAMILY
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.select import NOT_REACHED, is_measured


def not_reached(
    found: Iterable[Crossover],
    rows: Sequence[Measurement],
    pairs: Iterable[Pair],
    planned: Mapping[str, int],
) -> Iterator[Crossover]:
    """Yield a crossover that was not measured for each pair that had no turn in a family.

    That is one of which a backend has no row of the family, not even one that says why, or both at
    one size alone, though more are ``planned``. Of a family without any row that is every pair,
    also where only one backend has a time elsewhere. Those already ``found`` are left out.
    """
    if not rows:
        return
    pairs = list(pairs)
    every = set(map(attrgetter("backend"), rows))
    runs = {name for pair in pairs for name in pair if name not in every or is_measured(rows, name)}
    told = {(one.family, one.threads, one.incumbent, one.challenger) for one in found}
    alike = grouped(rows, attrgetter("family", "threads", "processes", "backend", "size"))
    one_of_each = [own[0] for own in alike.values()]
    reached = {(row.family, row.all_threads, row.backend) for row in one_of_each}
    ground = next((row for row in rows if row.family != FAMILY), rows[0])
    for threads in sorted({row.all_threads for row in one_of_each if row.all_threads is not None}):
        for family, sizes_planned in planned.items():
            sizes = {
                row.size
                for row in one_of_each
                if (row.family, row.all_threads) == (family, threads)
            }
            for pair in pairs:
                has_both = all((family, threads, name) in reached for name in pair)
                is_over = has_both and len(sizes) >= min(2, sizes_planned)
                if is_over or (family, threads, *pair) in told:
                    continue
                if not sizes or runs.issuperset(pair):
                    yield Crossover(
                        family=family,
                        incumbent=pair[0],
                        challenger=pair[1],
                        status="not measured",
                        machine=ground.machine,
                        dtype=ground.dtype,
                        threads=threads,
                        reason=NOT_REACHED,
                    )
