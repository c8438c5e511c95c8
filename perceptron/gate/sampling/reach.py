"""Which benchmarks run code of changed files: they come first, or they alone are compared.

One process of HEAD's arm calls benchmarks once each, at their own speed, and tells which functions
are called. What cannot be told counts as touching, and comes after what surely does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from perceptron.gate.sampling.arms import Arms
from perceptron.gate.sampling.caches import Caches
from perceptron.gate.sampling.processes import START_SECONDS, Instrument, Seeds
from perceptron.gate.sampling.sampler import CALIBRATING, Sampler
from perceptron.records.block import Arm, Benchmark, Reading
from perceptron.records.comparison import ComparisonPlan, Reach

MANY = 20
"""So few benchmarks have half a minute each in the usual budget: their order hardly matters, and a
look at them would take time from them."""
# Of the budget, for the whole look.
SHARE = 0.2
# Of one call: what it reaches, it mostly reaches soon.
_LOOK_SECONDS = 1.0
# A setup and a call, before the process is ended from outside.
_LONGEST_SECONDS = 5.0
# To import a module, at least: without it nothing is known.
_TO_LOAD = 20.0
_NO_TIME = "there was no time to look at what it runs"
_CACHED = "what its setup_cache runs is not looked at"

_RANKS = {"yes": 0, "perhaps": 1, "no": 2}


def is_wanted(plan: ComparisonPlan, benchmarks: Sequence[Benchmark]) -> bool:
    """Return whether to look makes a difference: for what is compared, or in which order."""
    restricts = plan.only_changed and not plan.hidden_changes
    return bool(plan.changed_files) and (restricts or len(benchmarks) > MANY)


def touches(plan: ComparisonPlan, key: str) -> Reach:
    """Return what is known of one benchmark."""
    known = plan.reach.get(key)
    if known is not None and known.touches == "yes":
        return known
    if plan.hidden_changes:
        return Reach(touches="perhaps", reason=f"{plan.hidden_changes[0]} may change any")
    if known is None:
        return Reach(touches="perhaps" if plan.changed_files else "no")
    return known


def in_turn(plan: ComparisonPlan, benchmarks: Iterable[Benchmark]) -> list[list[Benchmark]]:
    """Return benchmarks in groups: what runs changed code, what perhaps does, what does not.

    All in one group where nobody looked.
    """
    if not plan.reach:
        return [list(benchmarks)]
    groups: list[list[Benchmark]] = [[] for _ in _RANKS]
    for benchmark in benchmarks:
        groups[_RANKS[touches(plan, benchmark.key).touches]].append(benchmark)
    return [group for group in groups if group]


def restrict(
    plan: ComparisonPlan, benchmarks: Mapping[str, Benchmark]
) -> tuple[dict[str, Benchmark], list[str]]:
    """Return what is compared, by its key, and the keys of what is not: it runs no changed code.

    What surely runs some comes first.
    """
    compared = {own.key: own for group in in_turn(plan, benchmarks.values()) for own in group}
    if not plan.only_changed:
        return compared, []
    others = [key for key in compared if touches(plan, key).touches == "no"]
    for key in others:
        del compared[key]
    return compared, others


def touching(plan: ComparisonPlan) -> list[str]:
    """Return those that surely run changed code."""
    return [key for key, own in plan.reach.items() if own.touches == "yes"]


class Look:
    """Looks at what benchmarks reach of ``changed`` files, within the ``seconds_left``.

    The files are named from the folders that they are imported from.
    """

    def __init__(
        self,
        arms: Arms,
        caches: Caches,
        changed: Sequence[str],
        seconds_left: Callable[[], float],
    ) -> None:
        self._sampler = Sampler(arms, caches, instrument=self._instrument)
        self._changed = list(changed)
        self._seconds_left = seconds_left

    def at(self, benchmarks: Sequence[Benchmark], seeds: Seeds) -> dict[str, Reach]:
        """Return what each benchmark reaches; what there was no time for reaches it perhaps."""
        reach = {
            own.key: Reach(touches="perhaps", reason=_NO_TIME if own.cache is None else _CACHED)
            for own in benchmarks
        }
        # One set of parameters of each function first: the others mostly run the same code.
        todo = sorted(
            (own for own in benchmarks if own.cache is None), key=lambda own: own.index or 0
        )
        if todo and self._seconds_left() > 0:
            for key, reading in self._sampler.sample("head", todo, CALIBRATING, seeds, self._limit):
                reach[key] = _reach(reading)
                if self._seconds_left() <= 0:
                    break
        return reach

    def _limit(self, benchmark: Benchmark) -> float:
        left = max(2 * _LOOK_SECONDS, self._seconds_left())
        return min(benchmark.timeout, _LONGEST_SECONDS, left)

    def _instrument(self, _arm: Arm) -> Instrument:
        return Instrument(
            job={"changed": self._changed, "look_seconds": _LOOK_SECONDS},
            start_seconds=min(START_SECONDS, max(_TO_LOAD, self._seconds_left())),
            kind="reach",
        )


def _reach(reading: Reading) -> Reach:
    if reading.reached:
        return Reach(touches="yes")
    if reading.status == "ok" and reading.reason is None and reading.reached is not None:
        return Reach(touches="no")
    return Reach(touches="perhaps", reason=reading.reason or "it does not tell")
