"""The phase map: which backend is fastest at which two sizes, and by how much.

A measured cell is judged by its own times. Any other is interpolated from the cells around it
(`grid.surfaces`), and its ratio has no interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations, groupby, product
from math import exp, inf, log, sqrt
from typing import Literal

import numpy as np
from msgspec import Struct

from perceptron.figure import Cell as DrawnCell
from perceptron.figure import MapFigure, Region
from perceptron.numbers import digits, interval
from perceptron.questions.map.grid import (
    Cell,
    CellGrid,
    Mask,
    mostly,
    rows_by_cell,
    surfaces,
    times_by_cell,
    whole_cells,
)
from perceptron.questions.shared.ranking_sentence import COLUMNS
from perceptron.records.comparison_key import comparison_key
from perceptron.records.measurement import Measurement
from perceptron.statistics.interval import TIE, Interval, of_times
from perceptron.statistics.ranking import rank_rows
from perceptron.statistics.select import reason
from perceptron.statistics.trimmed_mean import Array

TIED = "tie"
UNDECIDED = "undecided"
UNKNOWN = "unknown"


class MapCell(Struct, frozen=True, kw_only=True):
    """The fastest backend at one pair of sizes.

    ``winner`` is a backend, ``tie``, ``undecided``, or None if no backend has a time.
    ``ratio`` is the time of ``second`` over that of ``fastest``; ``low`` and ``high`` are the
    interval that decided, if several processes measured both. All three are None without a second.
    In an undecided cell ``second`` is a backend that may be as fast.
    ``decided`` is ``yes`` if the intervals allow no other winner. An interpolated cell is decided,
    or a tie, if most of the measured cells near it are.
    """

    x: int
    y: int
    winner: str | None
    fastest: str | None
    second: str | None
    ratio: float | None
    low: float | None
    high: float | None
    measured: bool
    decided: Literal["yes", "no"]

    @property
    def answer(self) -> str:
        """The winner, `TIED` or `UNDECIDED`; `UNKNOWN` if no backend has a time."""
        return self.winner or UNKNOWN


class PhaseMap(Struct, frozen=True, kw_only=True):
    """A map of one family on one machine.

    ``cells`` holds every cell of the grid, with the second axis running fastest. ``shares`` is the
    share of cells, the area on logarithmic axes, of each decided winner, of ties, of ``undecided``
    and of ``unknown`` cells (without a time).
    ``absent`` holds the reason of each backend without any time.
    """

    family: str
    axes: tuple[str, str]
    machine: str
    dtype: str | None
    threads: int | None
    x_values: list[int]
    y_values: list[int]
    backends: list[str]
    absent: dict[str, str]
    cells: list[MapCell]
    cells_measured: int
    borders: list[Border]
    shares: dict[str, float]
    summary: str


def phase_map_of(
    rows: Iterable[Measurement],
    grid: CellGrid | None = None,
    axes: tuple[str, str] = ("rows", "width"),
    others: Iterable[Measurement] = (),
) -> PhaseMap:
    """Judge every cell of a grid, by default the grid of all measured sizes.

    A measured cell is judged together with the ``others`` of other sessions. Rows of problems
    without two sizes, and interrupted cells, are left out. Raises
    ValueError if none are left, or if they are of several families, or of several
    grounds.
    """
    rows = list(rows)
    by_cell = rows_by_cell(whole_cells(rows)) or rows_by_cell(rows)
    members = [row for here in by_cell.values() for row in here]
    if not members:
        raise ValueError("no rows of a problem with two sizes")
    if len({(row.family, comparison_key(row)) for row in members}) > 1:
        raise ValueError("rows that may not be compared: pick one family and one ground")
    grid = grid or CellGrid(*(tuple(sorted(set(sizes))) for sizes in zip(*by_cell, strict=True)))
    seconds = times_by_cell(members)
    fields = surfaces(grid, seconds)
    beside = rows_by_cell(others)
    measured = {
        cell: _measured(
            cell,
            [*here, *(row for row in beside.get(cell, []) if row.backend in seconds[cell])],
            seconds[cell],
            tuple(fields),
        )
        for cell, here in by_cell.items()
    }
    decided = mostly(grid, {cell: judged.decided == "yes" for cell, judged in measured.items()})
    tied = mostly(grid, {cell: judged.winner == TIED for cell, judged in measured.items()})
    cells = [
        measured.get(cell)
        or _between(
            cell,
            {name: field.flat[index] for name, field in fields.items()},
            decided=bool(decided[index]),
            near_ties=bool(tied[index]),
        )
        for index, cell in enumerate(product(grid.x_values, grid.y_values))
    ]
    shares = _shares(cells)
    absent = {
        name: reason(members, name) or "no times"
        for name in sorted({row.backend for row in members} - fields.keys())
    }
    return PhaseMap(
        family=members[0].family,
        axes=axes,
        machine=members[0].machine,
        dtype=members[0].dtype,
        threads=members[0].all_threads,
        x_values=list(grid.x_values),
        y_values=list(grid.y_values),
        backends=sorted(fields),
        absent=absent,
        cells=cells,
        cells_measured=sum(cell.measured for cell in cells),
        borders=borders(grid, fields),
        shares=shares,
        summary=f"no answer: only {next(iter(fields))} has a time"
        if len(fields) == 1
        else sentence(shares, cells, axes),
    )


def _measured(
    cell: Cell, rows: list[Measurement], seconds: dict[str, list[float]], backends: Sequence[str]
) -> MapCell:
    """Judge a cell by its own times; ``backends`` are those with a time in any cell."""
    ranking = rank_rows(rows, sorted({*backends, *(row.backend for row in rows)}))
    names, ratio = ranking.order[:1], None
    if len(ranking.order) > 1:
        # In an undecided cell, a backend that may be as fast.
        others = [name for name in ranking.order[1:] if name in ranking.open] or ranking.order[1:]
        second = min(others, key=lambda name: _estimate(ranking.ratios[name]))
        names, ratio = (*names, second), ranking.ratios[second]
        if ratio is None:  # no process measured both
            first, other = (of_times(seconds[name]).estimate for name in names)
            ratio = Interval(other / first, None, None)
    return _cell(
        cell,
        names,
        ratio,
        measured=True,
        tied=bool(ranking.ties),
        decided=ranking.decided == "yes",
    )


def _estimate(ratio: Interval | None) -> float:
    return inf if ratio is None else ratio.estimate


def _between(cell: Cell, logs: dict[str, float], *, decided: bool, near_ties: bool) -> MapCell:
    names, ratio = _ordered(logs), None
    if len(names) > 1:
        ratio = Interval(exp(logs[names[1]] - logs[names[0]]), None, None)
    tied = near_ties and ratio is not None and ratio.estimate <= exp(TIE)
    return _cell(cell, names, ratio, measured=False, tied=tied, decided=decided)


def _ordered(costs: dict[str, float]) -> list[str]:
    timed = (name for name, cost in costs.items() if not np.isnan(cost))
    return sorted(timed, key=lambda name: (costs[name], name))


def _cell(
    cell: Cell,
    names: Sequence[str],
    ratio: Interval | None,
    *,
    measured: bool,
    tied: bool,
    decided: bool,
) -> MapCell:
    """Return a cell; ``names`` are the fastest and the second backend, as far as there are."""
    fastest, second = (*names, None, None)[:2]
    winner = TIED if tied else fastest
    is_decided = decided and fastest is not None
    return MapCell(
        x=cell[0],
        y=cell[1],
        winner=winner if is_decided or fastest is None else UNDECIDED,
        fastest=fastest,
        second=second,
        ratio=ratio.estimate if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        measured=measured,
        decided="yes" if is_decided else "no",
    )


def _shares(cells: list[MapCell]) -> dict[str, float]:
    counts = Counter(cell.answer for cell in cells)
    last = (TIED, UNDECIDED, UNKNOWN)
    ordered = sorted(counts, key=lambda name: (name in last, -counts[name], name))
    return {name: counts[name] / len(cells) for name in ordered}


# --- in a sentence --------------------------------------------------------------------------------

# Share of the decided cells that a rule in one sentence may get wrong.
_EXCEPTIONS = 0.02
# Winners that have room in a line.
_NAMED = 2
# Words for a map with one answer everywhere, and for a part of a map.
_WHOLE = {
    TIED: "the fastest backends tie within 5% everywhere",
    UNDECIDED: "undecided everywhere",
    UNKNOWN: "no backend has a time",
}
_PART = {TIED: "tie", UNDECIDED: "undecided", UNKNOWN: "no time"}


def sentence(shares: dict[str, float], cells: Sequence[MapCell], axes: tuple[str, str]) -> str:
    """Return a sentence on the share of each winner, with a rule of one threshold if there is one.

    A rule must get at most 2% of the cells with a winner wrong, and less of the map may be
    undecided than its winner has.
    """
    whole = next((name for name in _WHOLE if shares.get(name) == 1), None)
    if whole is not None:
        return _WHOLE[whole]
    winners = [name for name in shares if name not in _WHOLE]
    parts = [f"{name} wins {_percent(shares[name])} of the map" for name in winners[:1]]
    parts += [f"{name} {_percent(shares[name])}" for name in winners[1:_NAMED]]
    if rest := winners[_NAMED:]:
        parts.append(f"{len(rest)} others {_percent(sum(shares[name] for name in rest))}")
    parts += [f"{word} {_percent(shares[name])}" for name, word in _PART.items() if name in shares]
    text = ", ".join(parts)
    if len(winners) == 2:
        text += _rule(cells, axes, shares)
    return text if len(text) <= COLUMNS else text.replace(" of the map", "")


def _rule(cells: Sequence[MapCell], axes: tuple[str, str], shares: dict[str, float]) -> str:
    """Return a threshold rule, as ``; torch-cpu from rows × width ≈ 2,400``; empty without one."""
    decided = [cell for cell in cells if cell.answer not in _WHOLE]
    winners = np.array([cell.answer for cell in decided])
    x, y = np.array([(cell.x, cell.y) for cell in decided], np.float64).T
    rules = []
    for name, size in ((axes[0], x), (axes[1], y), (f"{axes[0]} × {axes[1]}", x * y)):
        sizes = np.unique(size)
        beyond = size >= sizes[1:, None]
        for winner in sorted(set(winners)) if len(sizes) > 1 else ():
            wrong = (beyond != (winners == winner)).mean(axis=1)
            best = int(wrong.argmin())
            rules.append((wrong[best], name, winner, sqrt(sizes[best] * sizes[best + 1])))
    if not rules:
        return ""
    wrong, name, winner, start = min(rules, key=lambda rule: rule[0])  # the first of equal ones
    if wrong > _EXCEPTIONS or shares.get(UNDECIDED, 0.0) >= shares[winner]:
        return ""
    return f"; {winner} from {name} ≈ {_round(start)}"


def _percent(share: float) -> str:
    return "under 1%" if 0 < share <= 0.005 else f"{100 * share:.0f}%"


def _round(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}"


# --- where the winner changes, as lines -----------------------------------------------------------

# Log-ratios are clipped to this, so that a border at a step, or where a backend stops working, lies
# halfway between two cells.
_STEEP = 0.3
_DIGITS = 4  # significant ones of a size on a border

Line = list[tuple[float, float]]


class Border(Struct, frozen=True):
    """Sizes at which the two fastest backends take equally long.

    Each line is a list of points in units of the axes, straight on logarithmic axes; it is closed
    if its ends meet.
    """

    backends: tuple[str, str]
    lines: list[Line]


def borders(grid: CellGrid, surfaces: dict[str, Array]) -> list[Border]:
    """Return the border of each two backends that share one; ``surfaces`` are log times."""
    if min(grid.shape) < 2:
        return []
    shared = []
    for first, second in combinations(sorted(surfaces), 2):
        others = [field for name, field in surfaces.items() if name not in (first, second)]
        rounded = map(_rounded, _zeros(grid, surfaces[first], surfaces[second], others))
        if lines := [line for line in rounded if len(line) > 1]:
            shared.append(Border((first, second), lines))
    return shared


def _zeros(grid: CellGrid, first: Array, second: Array, others: Sequence[Array]) -> list[Array]:
    """Return the lines of points, in log sizes, along which two log times are equal.

    They end at cells in which another backend is faster than both, or neither has a time.
    """
    from contourpy import LineType, contour_generator  # only maps need it

    first_times, second_times = _slow_if_none(first), _slow_if_none(second)
    hidden = np.isnan(first) & np.isnan(second)
    for field in others:
        hidden |= _slow_if_none(field) < np.minimum(first_times, second_times)
    lines = contour_generator(
        np.log(grid.x_values),
        np.log(grid.y_values),
        np.ma.masked_array(np.clip(first_times - second_times, -_STEEP, _STEEP), hidden).T,
        line_type=LineType.Separate,
    ).lines(0.0)
    return [np.asarray(line) for line in lines]


def _slow_if_none(field: Array) -> Array:
    """Return the field with a time slower than any other instead of NaN."""
    return np.nan_to_num(field, nan=1e3)


def _rounded(line: Array) -> Line:
    """Return the sizes from their logarithms, rounded, without repeated points."""
    sizes = ([float(f"{size:.{_DIGITS}g}") for size in point] for point in np.exp(line))
    return [(x, y) for (x, y), _ in groupby(sizes)]


# --- the figure: hue for the winner, intensity for its lead ---------------------------------------

# Ratios at which the colours may end: the first that nine cells in ten do not exceed.
_TOPS = (2, 4, 8, 16, 32, 64)
# The smallest share of the map that has room for a name.
_LABELLED = 0.03


def map_figure(phase_map: PhaseMap) -> MapFigure:
    """Return the figure of a map, with labelled regions: nothing is shown by colour alone."""
    top = _top_ratio(phase_map)
    x, y = phase_map.axes
    height = len(phase_map.y_values)
    cells = [_drawn(phase_map, cell, top) for cell in phase_map.cells]
    return MapFigure(
        alt=f"Map of {phase_map.family} over {x} and {y}, both logarithmic. {phase_map.summary}.",
        caption="Colour: the fastest backend, stronger with its lead over the next, up to "
        f"{top}×. Dots: measured cells, open where undecided. Lines: equal times. Grey: a tie "
        "within 5%. Palest: undecided.",
        key=_key(phase_map),
        height=560,
        x_title=x,
        y_title=y,
        x_values=tuple(phase_map.x_values),
        y_values=tuple(phase_map.y_values),
        backends=tuple(phase_map.backends),
        top=top,
        cells=tuple(
            tuple(cells[column * height + row] for column in range(len(phase_map.x_values)))
            for row in range(height)
        ),
        borders=tuple(
            tuple((point[0], point[1]) for point in line)
            for border in phase_map.borders
            for line in border.lines
        ),
        regions=tuple(_regions(phase_map)),
    )


def _top_ratio(phase_map: PhaseMap) -> int:
    """Return the ratio at which the colours end: nine in ten decided cells do not exceed it."""
    decided = (cell for cell in phase_map.cells if cell.decided == "yes")
    ratios = [cell.ratio for cell in decided if cell.ratio is not None]
    wanted = float(np.quantile(ratios, 0.9)) if ratios else 1.0
    return next((top for top in _TOPS if top >= wanted), _TOPS[-1])


def _drawn(phase_map: PhaseMap, cell: MapCell, top: int) -> DrawnCell:
    tie, is_decided = cell.winner == TIED, cell.decided == "yes"
    strength = 1.0 if cell.ratio is None else min(1.0, log(cell.ratio) / log(top))
    return DrawnCell(
        backend=None if tie else cell.fastest,
        strength=strength if is_decided else 0.0,
        tie=tie,
        measured=cell.measured,
        decided=is_decided,
        text=_text(phase_map, cell),
    )


def _text(phase_map: PhaseMap, cell: MapCell) -> str:
    x, y = phase_map.axes
    sizes = f"{x} {cell.x:,}, {y} {cell.y:,}: "
    if cell.winner is None or cell.fastest is None:
        return sizes + "no backend has a time"
    if cell.ratio is None:
        return sizes + f"only {cell.fastest} has a time"
    ahead = interval(cell.ratio, cell.low, cell.high) if cell.measured else digits(cell.ratio)
    how = "measured" if cell.measured else "between measured cells"
    tie = ", a tie" if cell.winner == TIED else ""
    doubt = "" if cell.decided == "yes" else ", undecided"
    return f"{sizes}{cell.fastest} {ahead}× as fast as {cell.second}{tie}{doubt}; {how}"


def _regions(phase_map: PhaseMap) -> list[Region]:
    """Return a label in the middle of each large region of a winner or of undecided cells."""
    from scipy import ndimage  # not for the help of a command

    shape = (len(phase_map.x_values), len(phase_map.y_values))
    winners = np.array([cell.answer for cell in phase_map.cells]).reshape(shape)
    # Only measured cells have a reliable lead.
    leads = [cell.ratio if cell.ratio and cell.measured else 1.0 for cell in phase_map.cells]
    ratios = np.array(leads).reshape(shape)
    regions = []
    for backend in (*phase_map.backends, UNDECIDED):
        areas, count = ndimage.label(winners == backend)
        for number in range(1, count + 1):
            area = areas == number
            if area.mean() >= _LABELLED:
                most = float(ratios[area].max())
                is_ahead = backend != UNDECIDED and most > 1
                detail = f"up to {digits(most, 2)}× faster" if is_ahead else ""
                regions.append(Region(*_middle(area), backend, detail))
    return regions


def _middle(area: Mask) -> tuple[int, int]:
    """Return the indices of the most central of the area's cells far from its edge."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(area, 1))[1:-1, 1:-1]
    deepest = np.argwhere(depth >= 0.9 * depth.max())
    middle = np.argwhere(area).mean(axis=0)
    x, y = deepest[((deepest - middle) ** 2).sum(axis=1).argmin()]
    return int(x), int(y)


def _key(phase_map: PhaseMap) -> str:
    parts = ["dots: measured (open: undecided)"]
    if phase_map.borders:
        parts.append("lines: borders")
    if any(cell.winner == TIED for cell in phase_map.cells):
        parts.append("grey: tie within 5%")
    if UNKNOWN in phase_map.shares:
        parts.append("white: no time")
    return "; ".join(parts)
