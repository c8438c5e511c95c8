"""Rank candidates: which is the fastest, and is that decided? Every question uses this rule.

The rule, which docs/how-sure.md explains:

* Ratios of repeats measured side by side decide; times alone only propose the order.
* A *tie* is a ratio whose interval lies within ±5%. A candidate is *slower* where the interval of
  its ratio to the fastest lies above 1 and is no tie. All others are *open*.
* A candidate without a time, of a single repeat, or contended beyond what waiting can bound has no
  such interval: it is open. Waiting only adds: a candidate that is faster in spite of it is faster.
* The intervals of all candidates hold together at 95%.
* Rows of several runs are joined by `sessions`, so one state of the machine decides nothing.
* A single candidate is no comparison, and nothing is decided. If no other can run here, it still
  is the *choice* of what to use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from perceptron.answer import Decided
from perceptron.records.measurement import Measurement
from perceptron.records.row import was_killed
from perceptron.statistics.contention import is_contended
from perceptron.statistics.interval import (
    CONFIDENCE,
    Interval,
    counted_rows,
    ratio_within,
    standing,
)
from perceptron.statistics.select import has_time
from perceptron.statistics.sessions import Start, by_run, disagree, over_sessions, typical_seconds

RatioOf = Callable[[str, str, float], Interval | None]
"""Return the time of the first candidate over that of the second, at a level of confidence.

None if no repeat measured both.
"""

Doubt = Literal[
    "not measured", "not side by side", "one repeat", "contended", "too noisy", "runs disagree"
]
"""Why a candidate is open."""


class Ranking(Struct, frozen=True, kw_only=True):
    """Candidates by their times, the fastest first, and what is decided of the others."""

    order: tuple[str, ...]
    """Candidates with a time, the fastest first."""
    ratios: dict[str, Interval | None]
    """The time of each other candidate over the fastest's; None if no repeat measured both."""
    ties: tuple[str, ...]
    """Candidates that take as long as the fastest, within ±5%."""
    open: tuple[str, ...]
    """Candidates that may be as fast or faster, those without a time last."""
    doubts: dict[str, Doubt]
    """Why each open candidate is open."""
    unable: tuple[str, ...] = ()
    """Requested backends that are no candidates: they cannot run here, or failed."""

    @property
    def fastest(self) -> str | None:
        """The first of the order; None if no candidate has a time."""
        return self.order[0] if self.order else None

    @property
    def slower(self) -> tuple[str, ...]:
        """Candidates that take longer than the fastest, in the order of their times."""
        return tuple(
            name for name in self.order[1:] if name not in self.ties and name not in self.open
        )

    @property
    def decided(self) -> Decided:
        """``yes`` if no candidate is open, else ``partly`` if any ties or is slower.

        ``no`` for a single candidate, which is no comparison.
        """
        if not (self.slower or self.ties):
            return "no"
        return "partly" if self.open else "yes"

    @property
    def is_alone(self) -> bool:
        """Whether one candidate has a time, and no other may have one."""
        return len(self.order) == 1 and not self.open

    @property
    def choice(self) -> Decided:
        """Whether it is decided which to use: `decided`, but ``yes`` if all others are unable."""
        return "yes" if self.is_alone and self.unable else self.decided

    @property
    def winner(self) -> str | None:
        """The fastest if all others are slower; None if any ties or is open."""
        return self.fastest if self.decided == "yes" and not self.ties else None


def confidence_of(candidates: int) -> float:
    """Return the confidence of each ratio at which all together hold at 95% (Bonferroni)."""
    return 1 - (1 - CONFIDENCE) / max(1, candidates - 1)


def rank(
    times: Mapping[str, float],
    ratio_of: RatioOf,
    unmeasured: Iterable[str] = (),
    unable: Iterable[str] = (),
) -> Ranking:
    """Rank candidates by their typical times; ratios decide which ties, is slower or is open.

    ``unmeasured`` candidates have no time and could have one; ``unable`` ones could not. Intervals
    are at `confidence_of`.
    """
    order = sorted(times, key=lambda name: (times[name], name))
    level = confidence_of(len(order))

    def ratios_to(first: str) -> dict[str, Interval | None]:
        return {name: ratio_of(name, first, level) for name in order if name != first}

    ratios = ratios_to(order[0]) if order else {}
    led = set(order[:1])
    while faster := [
        name for name, ratio in ratios.items() if ratio and ratio.estimate < 1 and name not in led
    ]:
        # Measured side by side, another candidate is faster than the first by typical times.
        first = min(faster, key=lambda name: (_estimate(ratios[name]), name))
        led.add(first)
        order.remove(first)
        order.insert(0, first)
        ratios = ratios_to(first)
    doubts: dict[str, Doubt] = {
        name: _doubt(ratio)
        for name, ratio in ratios.items()
        if standing(ratio) in ("open", "faster")
    }
    doubts |= dict.fromkeys(unmeasured, "not measured")
    return Ranking(
        order=tuple(order),
        ratios=ratios,
        ties=tuple(name for name, ratio in ratios.items() if standing(ratio) == "tie"),
        open=tuple(doubts),
        doubts=doubts,
        unable=tuple(unable),
    )


class SideBySide:
    """The ratios of backends that were measured side by side, joined over runs by `sessions`.

    ``runs`` has, by the start of each run, its rows with a time, of one problem.
    """

    def __init__(self, runs: Mapping[Start, Sequence[Measurement]]) -> None:
        self._runs = runs
        self._ratios: dict[tuple[str, str, float], _Ratio] = {}

    def seconds(self, name: str) -> float:
        """Return the typical seconds of a backend, of which some run must have a time."""
        return typical_seconds(self._runs, name)

    def ratio(self, first: str, second: str, level: float) -> Interval | None:
        """Return the time of the first over that of the second; None if no repeat has both."""
        return self._ratio(first, second, level).joined

    def doubt(self, ranking: Ranking, name: str) -> Doubt:
        """Return why a candidate of a ranking by these ratios is open."""
        doubt = ranking.doubts[name]
        if doubt in ("not measured", "not side by side"):
            return doubt
        first = ranking.order[0]
        ratio = self._ratio(name, first, confidence_of(len(ranking.order)))
        if ratio.joined and disagree(ratio.of_runs.values(), ratio.joined):
            return "runs disagree"
        # With enough idle repeats, contended ones do not count and are no reason.
        counted = (counted_rows(members, name, first) for members in self._runs.values())
        rows = chain.from_iterable(chain.from_iterable(counted))
        return "contended" if any(map(is_contended, rows)) else doubt

    def _ratio(self, first: str, second: str, level: float) -> _Ratio:
        key = (first, second, level)
        if key not in self._ratios:
            of_runs = {
                start: ratio_within(rows, first, second, level)
                for start, rows in self._runs.items()
            }
            self._ratios[key] = _Ratio(of_runs, over_sessions(of_runs, level, between=level))
        return self._ratios[key]


class _Ratio(NamedTuple):
    """A ratio of two backends: of each run, None where no repeat has both, and joined."""

    of_runs: dict[Start, Interval | None]
    joined: Interval | None


def rank_rows(rows: Iterable[Measurement], names: Iterable[str] | None = None) -> Ranking:
    """Rank the backends ``names``, or all with a time, by their rows of one problem; see `rank`.

    Runs are joined. A backend that cannot run here or failed is no candidate. A backend without a
    row, or killed, is open: another try may give it a time. Raises ValueError for two rows of a
    backend of the same repeat of one run.
    """
    runs = by_run(rows)
    all_rows = list(chain(*runs.values()))
    timed = dict.fromkeys(row.backend for row in all_rows if has_time(row))
    names = list(timed if names is None else names)
    joined = SideBySide(
        {
            start: [row for row in members if has_time(row) and row.backend in names]
            for start, members in runs.items()
        }
    )
    seconds = {name: joined.seconds(name) for name in timed if name in names}
    unmeasured = _may_have_time(all_rows, names)
    unable = [name for name in names if name not in seconds and name not in unmeasured]
    ranking = rank(seconds, joined.ratio, unmeasured, unable)
    return replace(ranking, doubts={name: joined.doubt(ranking, name) for name in ranking.open})


def _may_have_time(rows: Iterable[Measurement], names: Iterable[str]) -> list[str]:
    """Return the names without a time among rows of one problem that could have one."""
    refused: set[str] = set()
    killed: set[str] = set()
    timed: set[str] = set()
    for row in rows:
        if has_time(row):
            timed.add(row.backend)
        elif row.phase is None and row.status != "ok":
            (killed if was_killed(row.reason) else refused).add(row.backend)
    return [name for name in names if name not in timed and name not in refused - killed]


def _doubt(ratio: Interval | None) -> Doubt:
    if ratio is None:
        return "not side by side"
    return "one repeat" if ratio.low is ratio.high is None else "too noisy"


def _estimate(ratio: Interval | None) -> float:
    return 1.0 if ratio is None else ratio.estimate
