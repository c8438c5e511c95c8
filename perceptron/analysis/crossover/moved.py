"""Did HEAD move a crossover? Where one backend overtakes another, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from perceptron.analysis.crossover.judge import Crossover, crossovers, pairs_of
from perceptron.grouping import grouped
from perceptron.records.block import Benchmark, Block, counted
from perceptron.records.comparison import Comparison, CrossoverEnd, MovedCrossover
from perceptron.records.ground import Ground, ground
from perceptron.records.measurement import Measurement
from perceptron.records.readers.asv import parse_parameter
from perceptron.records.readers.naming import name_rows
from perceptron.records.readers.parameter_roles import ParameterRoles
from perceptron.records.readers.reading import ForeignRow
from perceptron.untrusted_text import label

# Pairs of which one backend changed; more are not read.
_MOST_PAIRS = 100
# Sizes are counts; logarithms of larger ones overflow.
_LARGEST_SIZE = 1e15
# Seconds that a clock can give: the ratio of any two is finite.
_SHORTEST, _LONGEST = 1e-12, 1e9
_ROLES = ParameterRoles()


def moved_crossovers(comparison: Comparison) -> list[MovedCrossover]:
    """Judge the crossovers of families whose parameters are named ``size`` and ``backend``.

    A crossover has moved if the 95% intervals of both revisions lie apart, or if one revision has
    none over the same sizes and that is sure, and if a benchmark of the two backends did change:
    of many intervals two lie apart now and then. Where base differs from a second copy of itself,
    nothing has moved.
    """
    if comparison.control.alarmed:
        return []
    changed = {
        (row.benchmark, tuple(row.params))
        for row in comparison.rows
        if row.verdict in {"regression", "improvement"} and row.change is not None
        if row.stands_on != "work"  # there the clock saw nothing
    }
    moved: list[MovedCrossover] = []
    remaining = _MOST_PAIRS
    for line_base, line_head, backends in _lines(comparison, changed):
        pairs = [pair for pair in pairs_of(line_base) if backends & set(pair)][:remaining]
        remaining -= len(pairs)
        if pairs:
            both = zip(crossovers(line_base, pairs), crossovers(line_head, pairs), strict=True)
            moved += [
                MovedCrossover(
                    family=base.family,
                    incumbent=base.incumbent,
                    challenger=base.challenger,
                    base=_end(base),
                    head=_end(head),
                )
                for base, head in both
                if _is_apart(base, head)
            ]
    return moved


def _end(crossover: Crossover) -> CrossoverEnd:
    """Return what one revision's crossover is; `_is_apart` lets no other status pass."""
    status = crossover.status
    assert status in ("crosses", "reverses", "always", "never")
    return CrossoverEnd(
        status=status,
        size=crossover.size,
        low=crossover.low,
        high=crossover.high,
    )


_Line = tuple[list[Measurement], list[Measurement], set[str]]
"""The rows of one family on base and on HEAD, and its backends that changed."""


def _lines(comparison: Comparison, changed: set[tuple[str, tuple[str, ...]]]) -> Iterable[_Line]:
    timed = [benchmark for benchmark in comparison.benchmarks if _is_timed(benchmark)]
    blocks = grouped(counted(comparison.blocks), lambda block: block.benchmark)
    readable = [
        (benchmark, foreign)
        for benchmark in timed
        if (foreign := _foreign_row(benchmark)) is not None
    ]
    (named_rows,) = name_rows([[foreign for _, foreign in readable]])
    lines: dict[tuple[str, Ground], _Line] = {}
    listed = set()
    for (benchmark, _), foreign in zip(readable, named_rows, strict=True):
        row = foreign.row
        key = (row.family, ground(row), row.size, row.backend)
        if key in listed:  # one benchmark listed twice
            continue
        listed.add(key)
        of_base, of_head, backends = lines.setdefault((row.family, ground(row)), ([], [], set()))
        for number, (base, head) in _times(blocks.get(benchmark.key, [])).items():
            of_base.append(replace(row, repeat=number, seconds=base))
            of_head.append(replace(row, repeat=number, seconds=head))
        if (benchmark.name, tuple(benchmark.params)) in changed:
            backends.add(row.backend)
    return lines.values()


def _is_timed(benchmark: Benchmark) -> bool:
    names = benchmark.param_names
    fits = len(names) == len(benchmark.params) == len(set(names))
    return fits and benchmark.unit == "seconds" and set(names) >= _ROLES.names


def _foreign_row(benchmark: Benchmark) -> ForeignRow | None:
    """Return the benchmark as a row of other people's files; None if its size is no number."""
    names = benchmark.param_names
    parameters = dict(zip(names, map(parse_parameter, benchmark.params), strict=True))
    place = _ROLES.place(parameters)
    if place is None or place[0]["size"] > _LARGEST_SIZE:
        return None
    fields, others = place
    family = label(benchmark.pretty_name or benchmark.name)
    row = Measurement(source="gate", machine="", when="", family=family, **fields)
    return ForeignRow(row=row, name=benchmark.name, others=others)


def _times(blocks: Sequence[Block]) -> dict[int, tuple[float, float]]:
    """Return base and head by block; confirmation blocks are numbered after the screen's."""
    screen = [block for block in blocks if block.stage == "screen"]
    first = 1 + max((block.number for block in screen), default=-1)
    pairs = {}
    for block in blocks:
        base, head = block.base.value, block.head.value
        if block.stage == "calibration" or base is None or head is None:
            continue
        if _SHORTEST <= base <= _LONGEST and _SHORTEST <= head <= _LONGEST:
            number = block.number + (first if block.stage == "confirmation" else 0)
            pairs[number] = (base, head)
    return pairs


def _is_apart(base: Crossover, head: Crossover) -> bool:
    crossing = {"crosses", "reverses"}
    if base.status in crossing and head.status in crossing:
        if base.status != head.status:
            return base.is_decided and head.is_decided
        if base.low is None or base.high is None or head.low is None or head.high is None:
            return False
        return base.high < head.low or head.high < base.low
    crossed, without = (base, head) if base.status in crossing else (head, base)
    if crossed.status not in crossing or without.status not in {"always", "never"}:
        return False
    return without.is_decided and crossed.low is not None and crossed.high is not None
