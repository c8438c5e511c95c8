"""A problem of one size: repeats side by side until it is decided who is the fastest, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from msgspec.structs import astuple

from perceptron.answer import Table, Verdict
from perceptron.numbers import NONE, duration, duration_interval, enumerated, times_as_long
from perceptron.questions.crossover.figures import epoch_cells
from perceptron.questions.crossover.sweep import CurvePoint, spot_of
from perceptron.questions.shared.published import FAMILY
from perceptron.records.ground import ground
from perceptron.records.grouping import grouped
from perceptron.records.measurement import Measurement
from perceptron.statistics.contention import Contention, with_contended
from perceptron.statistics.over_processes import name_and_processes, named
from perceptron.statistics.ranking import Doubt, Ranking, may_have_time, rank_rows
from perceptron.statistics.rough import what_helps
from perceptron.statistics.select import has_time, reason

# Doubts that more repeats may end.
_MORE_MAY_TELL: set[Doubt] = {"too noisy", "contended"}


def ranking_of(rows: Sequence[Measurement], backends: Iterable[str]) -> Ranking:
    """Rank the backends by their rows of one problem and one number of threads.

    See `may_have_time` for those without one.
    """
    backends = list(backends)
    timed = [row for row in rows if row.backend in backends and has_time(row)]
    return rank_rows(timed, may_have_time(rows, backends))


def repeats_wanted(
    rows: Sequence[Measurement], found: Ranking, first: int, enough: int, most: int
) -> int:
    """Return in how many repeats to time each backend: see `locator.Search`.

    As many as a number is read off, and more while these may decide.
    """
    taken = len({row.repeat for row in rows if row.backend in found.order})
    if taken < enough:
        return first if taken < first else enough
    return min(most, 2 * taken) if _MORE_MAY_TELL.intersection(found.doubts.values()) else taken


def ranking_verdict(
    subject: str,
    found: Ranking,
    heading: str,
    threads: int | None,
    more_time: str,
    part: Callable[[str], str] = lambda backend: "",
) -> Verdict | None:
    """Return who is the fastest, who ties with it and how long others take; None without a time.

    ``more_time`` is the option that allows more, and ``part`` returns which part of a training
    the time of a backend is, where it is not all of it.
    """
    best = found.fastest
    if best is None:
        return None

    def takes(name: str, other: str = "") -> str:
        ratio = found.ratios[name]
        assert ratio is not None, "it was measured side by side with the fastest"
        several = name_and_processes(name)[1] > 1
        beside = named(other) if other else ""
        long = times_as_long(ratio.estimate, ratio.low, ratio.high, beside)
        return f"{named(name)} {'take' if several else 'takes'} {long}{part(name)}"

    def of_each(names: Sequence[str]) -> list[str]:
        return [takes(name, "" if index else best) for index, name in enumerate(names)]

    clauses = []
    if found.ties:
        every = enumerated(map(named, (best, *found.ties)))
        clauses.append(f"{every} tie: within 5%, {takes(found.ties[-1])}")
    clauses += of_each(found.slower)
    if clauses:
        clauses += [f"undecided: {named(name)}, {found.doubts[name]}" for name in found.open]
        sentence = "; ".join(clauses)
    elif beside := [name for name in found.order[1:] if found.ratios[name] is not None]:
        doubt = found.doubts[beside[0]]
        sentence = f"undecided, {doubt}: by the estimate {'; '.join(of_each(beside))}"
    else:
        sentence = f"undecided: only {named(best)} has a time"
        if len(found.order) > 1:
            every = enumerated(map(named, found.order))
            sentence = f"undecided: no repeat timed {every} side by side"
    return Verdict(
        subject=subject,
        decided=found.decided,
        sentence=sentence,
        notes=_why(found, threads, more_time),
        heading=heading,
    )


def _why(found: Ranking, threads: int | None, more_time: str) -> tuple[str, ...]:
    """Return what leaves some open, and the option that would tell."""
    if len(found.order) == 1 and not found.open:
        return ("why: nothing to compare it with; next: --backends with another one",)
    best = named(found.order[0])
    why: dict[Doubt, tuple[str, str]] = {
        "contended": (f"threads of {{}} or {best} waited for a core", what_helps(threads)),
        "too noisy": (f"the repeats cannot separate {{}} from {best}", more_time),
        "one repeat": (f"one repeat of {{}} beside {best} decides nothing", more_time),
        "not side by side": (f"no repeat timed {{}} beside {best}", more_time),
        "not measured": ("no time was left for {}", more_time),
    }
    for doubt, (words, option) in why.items():
        if names := [named(name) for name, own in found.doubts.items() if own == doubt]:
            return (f"why: {words.format(enumerated(names))}; next: {option}",)
    return ()


# --- their times in a table -----------------------------------------------------------------------


def single_problems(rows: Iterable[Measurement]) -> list[list[Measurement]]:
    """Return the rows of each problem that is a family of its own, on each ground."""
    return [
        own
        for family, members in grouped(rows, attrgetter("family")).items()
        if family != FAMILY and len(set(map(attrgetter("size", "problem"), members))) == 1
        for own in grouped(members, ground).values()
    ]


def single_tables(rows: Iterable[Measurement]) -> list[Table]:
    """Return the times of families of one size, the finding's aside; no table without any.

    What times in batches or of several models mean stands beside them. Where some train over
    several processes, all say how many.
    """
    rows = list(rows)
    over_processes = any((row.processes or 1) > 1 for row in rows)
    alone = [
        own
        for members in single_problems(rows)
        for own in grouped(members, lambda row: row.backend).values()
    ]
    spots = list(map(spot_of, alone))
    has_epochs = any(spot is not None and spot.epoch is not None for spot in spots)
    has_models = any(spot is not None and spot.models > 1 for spot in spots)
    threads = "processes × threads" if over_processes else "threads"
    columns = (
        *("family", "backend", threads, "time per iteration [95% interval]"),
        *("throughput>", "per epoch>") * has_epochs,
        *("per model>",) * has_models,
    )
    cells = []
    for own, spot in zip(alone, spots, strict=True):
        epochs, of_one = (NONE, NONE), NONE
        if spot is not None:
            epochs = epoch_cells(spot.epoch, spot.value.estimate)
            of_one = duration(spot.value.estimate / spot.models)
        rates = (*epochs * has_epochs, *(of_one,) * has_models)
        cells.append((*_cells(own, spot, over_processes), *rates))
    if not cells:
        return []
    table = Table(title="One size", columns=columns, rows=tuple(cells))
    return [with_contended(table, [spot.contention if spot else Contention() for spot in spots])]


def _cells(
    own: Sequence[Measurement], spot: CurvePoint | None, over_processes: bool
) -> tuple[str, ...]:
    one, because = own[0], reason(own, own[0].backend)
    answer = f"not measured: {because}"
    if spot is not None:
        answer = duration_interval(*astuple(spot.value))
        answer += f", then no more: {because}" if because else ""
    threads = str(ground(one).threads)
    if over_processes:
        threads = NONE if one.threads is None else f"{one.processes or 1} × {one.threads}"
    return one.family, one.backend, threads, answer
