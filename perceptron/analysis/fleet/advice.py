"""Which machine, and which backend on it, for one problem: from what machines measured near it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from perceptron.analysis.fleet.between import TimeAt, time_at
from perceptron.analysis.fleet.cost import cost
from perceptron.analysis.fleet.definitions import of_one_definition
from perceptron.analysis.fleet.fastest import apart, ranked, ruled_out
from perceptron.analysis.interval import Interval, scaled
from perceptron.analysis.plausible import plausible
from perceptron.analysis.select import problem_without_size
from perceptron.analysis.stored.sweep import Curve, Sweep, sweeps
from perceptron.records.measurement import Measurement
from perceptron.records.prices import Prices


class Place(Struct, frozen=True, kw_only=True):
    """Where a problem lies on a family: at which size, and what its members are called."""

    family: str
    size: float
    problem: str
    """Without the size: another model file of the family's name is another problem."""
    axis: str
    """What sizes count, in words."""


class BackendTime(Struct, frozen=True, kw_only=True):
    """A backend on the problem: seconds an iteration, an estimate where it stands ``between``."""

    backend: str
    seconds: Interval
    between: tuple[float, float] | None


class MachineAdvice(Struct, frozen=True, kw_only=True):
    """A machine with one number of threads: its fastest backend on the problem.

    ``training`` are the iterations of the whole training, without preparing. ``unsure`` are its own
    backends that may be as fast at 95 %.
    """

    machine: str
    source: str
    dtype: str | None
    threads: int | None
    backend: str
    seconds: Interval
    estimate: bool
    training: Interval
    cost: Interval | None
    unsure: list[str]
    backends: list[BackendTime]
    family: str
    axis: str
    size: float
    between: tuple[float, float] | None
    commit: str | None
    when: str


class NoAdvice(Struct, frozen=True, kw_only=True):
    """A machine that measured nothing near the problem, and why that is so."""

    machine: str
    source: str
    reason: str


class FleetAdvice(Struct, frozen=True, kw_only=True):
    """The answer: machines with the fastest first, and those without one.

    ``unsure`` are the places in ``machines`` of those that may be as fast as the first. Nothing of
    one machine was measured beside another's, so it is their intervals that tell, and no ratio.
    """

    problem: str
    iterations: int
    currency: str | None
    machines: list[MachineAdvice]
    unsure: list[int]
    absent: list[NoAdvice]

    @property
    def cheapest(self) -> MachineAdvice | None:
        """The machine on which the whole training costs least; None where no price is known."""
        priced = [one for one in self.machines if one.cost is not None]
        return min(priced, key=lambda one: one.cost.estimate if one.cost else 0.0, default=None)


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked of the fleet; what is None or empty is not restricted."""

    problem: str
    places: list[Place]
    iterations: int
    dtype: str
    threads: int | None = None
    backends: tuple[str, ...] = ()


def fleet_advice(
    rows: Iterable[Measurement],
    machines: Sequence[tuple[str, str]],
    asked: Asked,
    prices: Prices | None = None,
) -> FleetAdvice:
    """Answer for each of ``machines`` (name, and the tool that measured) from its own rows.

    Rows that do not name their problem are near none. Of each family the newest state counts; of a
    machine's families that hold the problem, with one number of threads, the one that measured it,
    else the one whose two sizes around it are nearest to each other. Where machines have several
    definitions of a problem's name, that of most machines counts.
    """
    places = {(place.family, place.problem): place for place in asked.places}
    by_machine: dict[tuple[str, str], list[Sweep]] = {key: [] for key in machines}
    wanted = [
        row
        for row in rows
        if (row.machine, row.source) in by_machine
        if (row.family, problem_without_size(row)) in places
    ]
    kept, others = of_one_definition(
        sweeps(filter(plausible, wanted), commits=1, single_sizes=True)
    )
    for sweep in kept:
        by_machine[sweep.machine, sweep.source].append(sweep)
    elsewise = {(sweep.machine, sweep.source): sweep.family for sweep in others}
    answers: list[MachineAdvice] = []
    absent: list[NoAdvice] = []
    for (machine, source), own in by_machine.items():
        found = _of_machine(own, asked, places, prices)
        answers += found
        if not found:
            family = elsewise.get((machine, source))
            reason = (
                _why_not(own, asked, places)
                if own or family is None
                else f"measured {family} by another definition than most machines have"
            )
            absent.append(NoAdvice(machine=machine, source=source, reason=reason))
    answers.sort(key=lambda one: (one.seconds.estimate, one.machine, one.threads or 0))
    return FleetAdvice(
        problem=asked.problem,
        iterations=asked.iterations,
        currency=None if prices is None else prices.currency,
        machines=answers,
        unsure=[
            index
            for index, one in enumerate(answers)
            if index and not apart(answers[0].seconds, one.seconds)
        ],
        absent=absent,
    )


def _of_machine(
    own: Sequence[Sweep],
    asked: Asked,
    places: Mapping[tuple[str, str], Place],
    prices: Prices | None,
) -> list[MachineAdvice]:
    """Return the answer of a machine for each number of threads that it measured with."""
    best: dict[int | None, tuple[tuple[float, int], MachineAdvice]] = {}
    for sweep in own:
        if sweep.dtype != asked.dtype or asked.threads not in (None, sweep.threads):
            continue
        place = places[sweep.family, sweep.problem or ""]
        times = {
            curve.backend: found
            for curve in sweep.curves
            if not asked.backends or curve.backend in asked.backends
            if (found := _time(curve, place.size)) is not None
        }
        if not times:
            continue
        answer = _answer(sweep, place, times, asked, prices)
        rank = (max(map(_gap, times.values())), -len(times))
        if sweep.threads not in best or rank < best[sweep.threads][0]:
            best[sweep.threads] = (rank, answer)
    return [answer for _, answer in best.values()]


def _time(curve: Curve, size: float) -> TimeAt | None:
    return time_at([(spot.size, spot.value) for spot in curve.spots if spot.size > 0], size)


def _gap(time: TimeAt) -> float:
    """Return how far apart the sizes are that a time stands between, as a factor; 1 if measured."""
    return 1.0 if time.between is None else time.between[1] / time.between[0]


def _answer(
    sweep: Sweep, place: Place, times: Mapping[str, TimeAt], asked: Asked, prices: Prices | None
) -> MachineAdvice:
    seconds = {name: time.seconds for name, time in times.items()}
    best, unsure = ranked(seconds, ruled_out(sweep.crossovers).get(place.size, {}))
    training = scaled(seconds[best], asked.iterations)
    return MachineAdvice(
        machine=sweep.machine,
        source=sweep.source,
        dtype=sweep.dtype,
        threads=sweep.threads,
        backend=best,
        seconds=seconds[best],
        estimate=times[best].between is not None,
        training=training,
        cost=cost(training, None if prices is None else prices.of(sweep.machine)),
        unsure=unsure,
        backends=[
            BackendTime(backend=name, seconds=seconds[name], between=times[name].between)
            for name in sorted(seconds, key=lambda name: (seconds[name].estimate, name))
        ],
        family=sweep.family,
        axis=place.axis,
        size=place.size,
        between=times[best].between,
        commit=sweep.commit,
        when=sweep.when,
    )


def _why_not(own: Sequence[Sweep], asked: Asked, places: Mapping[tuple[str, str], Place]) -> str:
    """Return why a machine has no answer: the reason that is nearest to one."""
    if not own:
        names = list(dict.fromkeys(place.family for place in asked.places))
        more = f" or {len(names) - 1} families through it" if len(names) > 1 else ""
        return f"measured nothing of {names[0]}{more}"
    dtypes = sorted({str(sweep.dtype) for sweep in own})
    alike = [sweep for sweep in own if sweep.dtype == asked.dtype]
    if not alike:
        return f"measured {own[0].family} in {', '.join(dtypes)}, not in {asked.dtype}"
    threads = sorted({str(sweep.threads) for sweep in alike})
    alike = [sweep for sweep in alike if asked.threads in (None, sweep.threads)]
    if not alike:
        noun = "thread" if threads == ["1"] else "threads"
        return f"measured {own[0].family} on {', '.join(threads)} {noun}, not on {asked.threads}"
    named = [
        curve
        for sweep in alike
        for curve in sweep.curves
        if not asked.backends or curve.backend in asked.backends
    ]
    if not named:
        return f"measured {alike[0].family} by none of {', '.join(asked.backends)}"
    return next(filter(None, (_outside(sweep, places) for sweep in alike)), None) or next(
        (f"{curve.backend}: {curve.reason}" for curve in named if curve.reason), "has no time"
    )


def _outside(sweep: Sweep, places: Mapping[tuple[str, str], Place]) -> str | None:
    """Return that the problem lies outside of the sizes measured; None where nothing was."""
    sizes = [spot.size for curve in sweep.curves for spot in curve.spots]
    if not sizes:
        return None
    place = places[sweep.family, sweep.problem or ""]
    measured = f"{min(sizes):,} to {max(sizes):,}" if len(set(sizes)) > 1 else f"{sizes[0]:,} only"
    return f"measured {sweep.family} at {place.axis} {measured}, and {place.size:,} lies outside"
