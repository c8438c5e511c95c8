"""Times over sizes: one commit on one machine, dtype and number of threads at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from perceptron.analysis.crossover.amortise import Amortisation, amortisations, from_cold
from perceptron.analysis.crossover.judge import Crossover, crossovers, is_line
from perceptron.analysis.interval import Interval, of_ratio, of_times
from perceptron.analysis.overhead.ladder import HARNESS
from perceptron.analysis.overhead.roofline import CEILING
from perceptron.analysis.select import current, paired, reason, times
from perceptron.analysis.stored.finding import FAMILY, ITERATIONS
from perceptron.records.measurement import Measurement

# Of each machine and family; asv keeps every commit, and the history shows those.
COMMITS = 12
# Judged at most beside the newest of each machine and family: hundreds of cases have no room for
# their older commits.
OLDER = 500


class CurvePoint(Struct, frozen=True):
    """A time in seconds, or a ratio, at one size, from so many processes."""

    size: float
    value: Interval
    processes: int


class Curve(Struct, frozen=True):
    """A backend over sizes; one without any time has the ``reason``."""

    backend: str
    spots: list[CurvePoint]
    reason: str | None


class Sweep(Struct, frozen=True, kw_only=True):
    """One family, measured at one commit of the code on one machine, dtype and number of threads.

    ``cold`` and ``cold_crossovers`` carry the time to prepare, shared out over a training of
    `ITERATIONS`; they are empty where it is not known.
    """

    source: str
    machine: str
    commit: str | None
    when: str
    dtype: str | None
    threads: int | None
    family: str
    curves: list[Curve]
    crossovers: list[Crossover]
    ratios: list[list[CurvePoint]]
    """Challenger over incumbent, for each crossover."""
    cold: list[Curve]
    cold_crossovers: list[Crossover]
    amortisations: list[Amortisation]
    """When the faster one of each pair has paid for its start; empty with ``cold``."""


def sweeps(rows: Iterable[Measurement], commits: int = COMMITS) -> list[Sweep]:
    """Return the sweeps of the newest ``commits`` of each machine and family, the newest first.

    There are fewer commits where families are so many that over `OLDER` would be of older ones.
    Families of one size, or along two axes, have none.
    """
    groups: dict[tuple[object, ...], list[Measurement]] = {}
    for row in rows:
        if row.phase is None and row.family not in (FAMILY, CEILING, HARNESS):
            groups.setdefault(_key(row), []).append(row)
    newest = {key: max(_moment(row) for row in members) for key, members in groups.items()}
    ordered = sorted(groups, key=lambda key: (newest[key], repr(key)), reverse=True)
    by_family: dict[tuple[object, ...], list[object]] = {}
    by_age: list[list[tuple[object, ...]]] = [[] for _ in range(commits)]
    for key in ordered:
        *machine_and_family, commit = key[:4]
        seen = by_family.setdefault(tuple(machine_and_family), [])
        if (commit in seen or len(seen) < commits) and is_line(groups[key]):
            if commit not in seen:
                seen.append(commit)
            by_age[seen.index(commit)].append(key)
    older = [key for age in by_age[1:] for key in age]
    kept = {*by_age[0], *older[:OLDER]}
    return [_sweep(groups[key], newest[key]) for key in ordered if key in kept]


def _key(row: Measurement) -> tuple[object, ...]:
    return (row.source, row.machine, row.family, row.commit, row.dtype, row.threads)


def _moment(row: Measurement) -> str:
    return row.committed or row.when


def _sweep(members: list[Measurement], when: str) -> Sweep:
    # Backends run in random order, which must not decide who is the incumbent.
    rows = sorted(current(members), key=lambda row: row.backend)
    first = rows[0]
    cold = from_cold(rows, ITERATIONS)
    cold = cold if any(row.status == "ok" for row in cold) else []
    judged = crossovers(rows)
    return Sweep(
        source=first.source,
        machine=first.machine,
        commit=first.commit,
        when=when,
        dtype=first.dtype,
        threads=first.threads,
        family=first.family,
        curves=_curves(rows),
        crossovers=judged,
        ratios=[_ratios(rows, crossover) for crossover in judged],
        cold=_curves(cold),
        cold_crossovers=crossovers(cold) if is_line(cold) else [],
        amortisations=amortisations(rows),
    )


def _curves(rows: Sequence[Measurement]) -> list[Curve]:
    by_backend: dict[str, dict[float, list[Measurement]]] = {}
    for row in rows:
        by_backend.setdefault(row.backend, {}).setdefault(row.size, []).append(row)
    return [
        Curve(backend, _spots(sizes, backend), reason(rows, backend))
        for backend, sizes in by_backend.items()
    ]


def _spots(sizes: dict[float, list[Measurement]], backend: str) -> list[CurvePoint]:
    seconds = {size: list(times(sizes[size], backend).values()) for size in sorted(sizes)}
    return [
        CurvePoint(size, of_times(values), len(values))
        for size, values in seconds.items()
        if values
    ]


def _ratios(rows: Sequence[Measurement], crossover: Crossover) -> list[CurvePoint]:
    by_size: dict[float, list[Measurement]] = {}
    for row in rows:
        by_size.setdefault(row.size, []).append(row)
    spots = []
    for size in crossover.sizes_measured:
        pairs = paired(by_size[size], crossover.challenger, crossover.incumbent)
        if pairs:
            spots.append(CurvePoint(size, of_ratio(*zip(*pairs.values(), strict=True)), len(pairs)))
    return spots
