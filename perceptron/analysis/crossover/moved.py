"""Did HEAD move a crossover? Where one backend overtakes another, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from perceptron.analysis.crossover.judge import Crossover, crossovers, pairs_of
from perceptron.analysis.select import Ground, ground
from perceptron.errors import UserError
from perceptron.records.block import Benchmark, Block
from perceptron.records.comparison import Comparison
from perceptron.records.measurement import Measurement
from perceptron.records.readers.asv_results import parameter
from perceptron.records.readers.foreign import ForeignRow, ParameterRoles, label
from perceptron.records.readers.names import named

# Nobody reads more, and files may be a stranger's: no suite has so many backends on one axis, nor
# parameters of so many names.
_MOST_PAIRS = 100
_MOST_BACKENDS = 100
_MOST_NAMES = 50
# Sizes are counts; logarithms of larger ones overflow.
_LARGEST_SIZE = 1e15
# Seconds that a clock can give; the ratio of any two is a number.
_SHORTEST, _LONGEST = 1e-12, 1e9
_WANTED = ParameterRoles()


@dataclass(frozen=True)
class Moved:
    """One pair of backends on one family, whose crossover is surely another on HEAD."""

    base: Crossover
    head: Crossover

    @property
    def family(self) -> str:
        return self.base.family


def moved(found: Comparison) -> list[Moved]:
    """Crossovers of families whose parameters are named ``size`` and ``backend``.

    A crossover has moved if the 95 % intervals of both revisions lie apart, or if one revision has
    none over the same sizes and that is sure, and if a benchmark of the two backends did change:
    of many intervals two lie apart now and then. Where base differs from a second copy of itself,
    nothing has moved.
    """
    if found.control.alarmed:
        return []
    changed = {
        (row.benchmark, tuple(row.params))
        for row in found.rows
        if row.verdict in {"regression", "improvement"} and row.change is not None
    }
    lines = _lines(found, changed)
    return [
        Moved(*both)
        for base, head, pairs in _most(lines)
        for both in zip(crossovers(base, pairs), crossovers(head, pairs), strict=True)
        if _apart(*both)
    ]


@dataclass
class _Line:
    """The rows of one family, and the backends of it that changed."""

    base: list[Measurement]
    head: list[Measurement]
    changed: set[str]


def _lines(found: Comparison, changed: set[tuple[str, tuple[str, ...]]]) -> Iterable[_Line]:
    wanted = [each for each in found.benchmarks if _is_timed(each)]
    if len({name for each in wanted for name in each.param_names}) > _MOST_NAMES:
        return []
    blocks: dict[str, list[Block]] = {}
    for block in found.blocks:
        blocks.setdefault(block.benchmark, []).append(block)
    places = [(each, seen) for each in wanted if (seen := _seen(each)) is not None]
    (names,) = named([[seen for _, seen in places]])
    lines: dict[tuple[str, Ground], _Line] = {}
    taken = set()
    for (benchmark, _), seen in zip(places, names, strict=True):
        row = seen.row
        where = (row.family, ground(row), row.size, row.backend)
        if where in taken:  # one benchmark listed twice
            continue
        taken.add(where)
        line = lines.setdefault((row.family, ground(row)), _Line([], [], set()))
        times = _times(blocks.get(benchmark.key, []))
        line.base += [replace(row, process=each, seconds=one) for each, (one, _) in times.items()]
        line.head += [replace(row, process=each, seconds=two) for each, (_, two) in times.items()]
        if (benchmark.name, tuple(benchmark.params)) in changed:
            line.changed.add(row.backend)
    return lines.values()


def _is_timed(benchmark: Benchmark) -> bool:
    names = benchmark.param_names
    fits = len(names) == len(benchmark.params) == len(set(names))
    return fits and benchmark.unit == "seconds" and set(names) >= _WANTED.names


def _seen(benchmark: Benchmark) -> ForeignRow | None:
    """The benchmark as the suite names what others measured; None if its size is no number."""
    names = benchmark.param_names
    parameters = dict(zip(names, map(parameter, benchmark.params), strict=True))
    try:
        size = _WANTED.size_of(parameters, benchmark.key)
    except UserError:
        return None
    if size > _LARGEST_SIZE:
        return None
    row = Measurement(
        source="gate",
        machine="",
        when="",
        family=label(benchmark.pretty_name or benchmark.name),
        size=size,
        backend=_WANTED.backend(parameters),
        **_WANTED.ground(parameters),
    )
    return ForeignRow(row=row, name=benchmark.name, others=_WANTED.others(parameters))


def _times(blocks: Sequence[Block]) -> dict[int, tuple[float, float]]:
    """Base and head by block; those of the confirmation get numbers behind the screen's."""
    screen = [block for block in blocks if block.stage == "screen"]
    first = 1 + max((block.number for block in screen), default=-1)
    found = {}
    for block in blocks:
        one, two = block.base.value, block.head.value
        if block.stage == "calibration" or one is None or two is None:
            continue
        if _SHORTEST <= one <= _LONGEST and _SHORTEST <= two <= _LONGEST:
            found[block.number + (first if block.stage == "confirmation" else 0)] = (one, two)
    return found


def _most(
    lines: Iterable[_Line],
) -> Iterator[tuple[list[Measurement], list[Measurement], list[tuple[str, str]]]]:
    """Families with the pairs of which one backend changed."""
    left = _MOST_PAIRS
    for line in lines:
        if not line.changed or len({row.backend for row in line.base}) > _MOST_BACKENDS:
            continue
        pairs = [pair for pair in pairs_of(line.base) if line.changed & set(pair)][:left]
        left -= len(pairs)
        if pairs:
            yield line.base, line.head, pairs


def _apart(base: Crossover, head: Crossover) -> bool:
    crossing = {"crosses", "reverses"}
    if base.status in crossing and head.status in crossing:
        if base.status != head.status:
            return base.sure and head.sure
        if base.low is None or base.high is None or head.low is None or head.high is None:
            return False
        return base.high < head.low or head.high < base.low
    one, other = (base, head) if base.status in crossing else (head, base)
    if one.status not in crossing or other.status not in {"always", "never"}:
        return False
    return other.sure and one.low is not None and one.high is not None
