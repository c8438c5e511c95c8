"""What `make fastest` finds: picks beside the times of all backends, and how good they are."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Literal

from msgspec import Struct

from benchmarks.validation.share import Share
from perceptron.records.warning import MeasurementWarning

ALWAYS = "always "
"""What the name of a quality begins with that takes one backend whatever is asked."""


class Way(Struct, frozen=True):
    """A way to ask `perceptron.fastest`."""

    measure: Literal["never", "cached", "now"]
    knows_others: bool
    """Whether it knows what other trainings take on this machine; else it knows nothing."""
    of_default: bool = False
    """Whether about the backends that are advised unless others are named; else all of a plan."""

    @property
    def name(self) -> str:
        """The argument, and what else sets this way apart."""
        nothing = "" if self.knows_others else ", knowing nothing"
        return f"{self.measure}{nothing}{', default backends' if self.of_default else ''}"


NEVER = Way("never", knows_others=True)
CACHED = Way("cached", knows_others=True)
NOW = Way("now", knows_others=True)
COLD = Way("now", knows_others=False)
COLD_DEFAULT = Way("now", knows_others=False, of_default=True)
WAYS = (CACHED, NOW, COLD_DEFAULT, COLD)
"""Those that may measure, so that somebody has to ask."""


class Pick(Struct, frozen=True, kw_only=True):
    """What `perceptron.fastest` said of one training, and what it was not told."""

    reference: str
    epochs: int
    way: Way = COLD
    """How it was asked."""
    backend: str
    sure: bool
    seconds: float | None = None
    """Of the whole training, as it said."""
    low: float | None = None
    high: float | None = None
    source: str
    """``measured``, ``estimated`` or ``unknown``."""


class Times(Struct, frozen=True, kw_only=True):
    """What a whole training takes on each backend, in seconds: medians over the processes."""

    reference: str
    epochs: int
    seconds: dict[str, float]
    """By backend, the fastest first; those that cannot train it are not there."""

    @property
    def best(self) -> str:
        """The fastest backend."""
        return next(iter(self.seconds))

    @property
    def lead(self) -> float:
        """Time of the second over that of the best; inf where there is no second."""
        times = list(self.seconds.values())
        return times[1] / times[0] if len(times) > 1 else inf

    def regret(self, backend: str) -> float | None:
        """Return the time of a backend over that of the best; None if it cannot train this."""
        seconds = self.seconds.get(backend)
        return None if seconds is None else seconds / self.seconds[self.best]


class Judged(Struct, frozen=True, kw_only=True):
    """One pick beside the best."""

    reference: str
    epochs: int
    picked: str
    best: str
    regret: float | None
    """Time of the pick over that of the best; None where the pick cannot train this."""
    close: bool
    """Whether the two best are within 10%."""
    sure: bool


class Quality(Struct, frozen=True, kw_only=True):
    """How good the picks of one way to answer are, or those of always taking one backend."""

    answers: str
    """The name of the way that was asked, or ``always`` and a backend."""
    measured_first: int
    """Answers for which this training was measured."""
    right: Share
    """The pick is the fastest."""
    untrainable: int
    """Picks that cannot train what was asked."""
    median: float | None
    """Of the regret, time of the pick over time of the best; as the next two."""
    high: float | None
    """95% of the regrets are at most this."""
    worst: float | None
    unsure_if_close: Share
    """Of the trainings whose two best are within 10%, those of which it said so."""
    wrong_if_sure: Share
    """Of the picks that were called sure, those that take over 10% longer than the best."""
    picks: list[Judged]

    @property
    def is_asked(self) -> bool:
        """Whether somebody answered, and did not always take one backend."""
        return not self.answers.startswith(ALWAYS)

    @property
    def label(self) -> str:
        """What tables and figures call it."""
        if not self.is_asked:
            return self.answers
        measure, comma, rest = self.answers.partition(",")
        return f'measure="{measure}"{comma}{rest}'


class FastestTruth(Struct, frozen=True, kw_only=True):
    """How good `perceptron.fastest` is on one machine, and where and when it was measured."""

    machine: str
    cpu: str
    cores: int
    when: str
    dtype: str
    threads: int
    processes: int
    backends: list[str]
    trainings: list[Times]
    without: list[str]
    """Trainings that fewer than two backends have a time of: nothing is to be picked."""
    qualities: list[Quality]
    warnings: list[MeasurementWarning]
    results: Path
