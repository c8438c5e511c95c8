"""Which backend trains fastest: the one answer of `perceptron.fastest` and `perceptron advise`.

What is known of each backend becomes `Advice` here, and its sentence is composed here. Plain Python
on records: a program that asks once waits for no library.

Two kinds of times are compared, each in its own way. Repeats of one run were measured side by side:
what slowed the machine slowed both, so the interval of their *ratio* decides, and one within ±5% is
a tie. Stored times are of other minutes. Their intervals do not hold what the machine did in
between: two within `ALIKE` are not told apart, and none of them tie.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import inf, log, sqrt
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.numbers import count, duration_interval, enumerated, times_as_long
from perceptron.questions.fastest.measured_shape import (
    CONTENDED,
    GIVEN_UP,
    IN_DOUBT,
    MeasuredShape,
    TrainingShape,
)
from perceptron.statistics.over_processes import named
from perceptron.statistics.select import NOT_REACHED

if TYPE_CHECKING:
    from perceptron.statistics.interval import Interval

Source = Literal["measured", "unknown"]

NOT_KNOWN = "not measured for this shape on this machine"
MODULES = ("torch-cpu", "torch-cuda", "torch-mps", "torch-xpu")
"""Backends that train as a program does with a PyTorch module in hand: eagerly, on a device."""
AS_IT_IS = (*MODULES, "torch-cpu-compiled", "torch-cuda-compiled")
"""Those that train one as it is, whatever it does: the compiled ones by `torch.compile`."""
ALIKE = 1.1
"""Times that differ by no more than this factor are not told apart."""
DEAR = 1.5
"""A pick that may take this many times what another takes is worth a measurement."""
# Standard deviations of a 95% interval, and those beyond which a difference is decided.
_NORMAL = 1.96
_SURE = 1.64
# Slower backends that a sentence names.
_NAMED = 2
# How far the setup of another process may be off, at 95%.
_ONE_PROCESS = 1.1


class BackendHere(Struct, frozen=True, kw_only=True):
    """A backend that may be advised, on this machine."""

    name: str
    device: str
    unavailable: str | None = None
    """Why it cannot run here, in one line; None if it can."""
    tried: str | None = None
    """Why measuring this shape was given up lately, in one line; None if it was not."""


class Candidate(Struct, frozen=True, kw_only=True):
    """One backend that was asked about; without a time it has a ``reason``.

    ``seconds`` are those of the whole training, setup included, ``low`` and ``high`` their
    interval at about 95%.
    """

    backend: str
    device: str
    seconds: float | None = None
    low: float | None = None
    high: float | None = None
    source: Source = "unknown"
    reason: str | None = None
    """Why there is no time."""
    setup_seconds: float | None = None
    """Of ``seconds`` what is spent once, before the first iteration."""
    seconds_per_iteration: float | None = None
    """What each further iteration adds."""
    doubt: str | None = None
    """Why the time is undecided, however far it is from all others; None if it is not."""


def candidates(
    shape: TrainingShape,
    iterations: int,
    backends: Iterable[BackendHere],
    rows: Sequence[MeasuredShape],
) -> list[Candidate]:
    """Return what is known of each backend's whole training, of so many iterations.

    The newest row of this very shape answers. ``rows`` are of one machine, dtype and number of
    threads.
    """
    return [_candidate(shape, iterations, backend, rows) for backend in backends]


def _candidate(
    shape: TrainingShape, iterations: int, backend: BackendHere, rows: Sequence[MeasuredShape]
) -> Candidate:
    row = None if backend.unavailable else row_of(shape, backend.name, rows)
    if row is None:
        reason = backend.unavailable or backend.tried or NOT_KNOWN
        return Candidate(backend=backend.name, device=backend.device, reason=reason)
    once = row.prepare_seconds
    return Candidate(
        backend=row.backend,
        device=row.device,
        seconds=once + iterations * row.seconds,
        low=once / _ONE_PROCESS + iterations * row.low if row.low else 0.0,
        high=once * _ONE_PROCESS + iterations * row.high,
        source="measured",
        setup_seconds=once,
        seconds_per_iteration=row.seconds,
        doubt=row.doubt,
    )


def row_of(
    shape: TrainingShape, backend: str, rows: Iterable[MeasuredShape]
) -> MeasuredShape | None:
    """Return the newest row of this shape; None if there is none.

    One that was contended is older than all that were not.
    """
    found = [row for row in rows if row.backend == backend and row.shape == shape]
    return max(reversed(found), key=lambda row: (row.doubt != CONTENDED, row.when), default=None)


class Advice(Struct, frozen=True, kw_only=True):
    """The fastest backend for a training: the answer of `perceptron.fastest` and of ``advise``."""

    backend: str
    """The fastest; empty where none can train this here."""
    device: str
    """Where it trains: ``cpu``, ``cuda`` …"""
    compiled: bool = False
    """Whether it is a module in hand that goes through `torch.compile`."""
    seconds: float | None
    """Of the whole training; None where nothing is known."""
    low: float | None
    """The 95% interval of ``seconds``; 0 where waiting for cores may explain all of the time, and
    None of a single repeat."""
    high: float | None
    """Its upper end."""
    why: str
    """One line: ``sentence``, the time, and where it comes from or what leaves it undecided."""
    decided: bool
    """False where another backend may be as fast or has no time though it can run, and where a time
    that was compared is contended or of a single repeat."""
    source: Source
    """``measured`` or ``unknown``."""
    measured: str | None
    """Time of the newest measurement behind the answer: UTC, ISO 8601."""
    stale: str | None
    """Which libraries have changed since then; None if none has."""
    candidates: tuple[Candidate, ...]
    """All backends that were asked about, the fastest first."""
    problem: str = ""
    """The training: a reference such as ``mlp:60000x784x128:10c``, or what a model is called."""
    iterations: int = 0
    """Of the whole training, those of all its epochs."""
    epochs: int | None = None
    """None where the training was given in iterations."""
    dtype: str = ""
    threads: int = 0
    sentence: str = ""
    """The verdict: the fastest, and how many times as long others take."""
    use: str | None = None
    """The backend, where at least some others are known to take longer; else None."""
    ties: tuple[str, ...] = ()
    """Those within ±5% of the fastest, as repeats side by side show."""
    unsure: tuple[str, ...] = ()
    """Those that may be as fast."""
    undecided: str | None = None
    """Why nothing is known of which one is the fastest, though some have a time; else None."""

    @property
    def in_doubt(self) -> list[str]:
        """Those of which neither a tie with the fastest nor a difference is known."""
        return [name for name in self.unsure if name not in self.ties]

    def apply(self, model: Any) -> Any:
        """Move a PyTorch module to where it trains fastest, as `Module.to` does; return it.

        Where it is ``compiled``, return `torch.compile` of it. Raises `UserError` where that is not
        all that the advice takes.
        """
        if self.backend not in MODULES and not self.compiled:
            raise UserError(
                f"apply: {self.backend or 'no backend'} trains no PyTorch module: "
                "ask fastest(model, …), which names a device for it"
            )
        if not callable(getattr(model, "to", None)):
            raise UserError(f"apply: {type(model).__name__} is no PyTorch module")
        moved = model.to(self.device)
        if not self.compiled:
            return moved
        import torch

        return torch.compile(moved)


def contenders(
    found: Iterable[Candidate], ratios: Mapping[str, Interval] | None = None
) -> list[Candidate]:
    """Return the fastest and those that may be as fast, the fastest first."""
    timed = sorted((one for one in found if one.seconds), key=_seconds)
    known = ratios or {}
    return [
        one
        for one in timed
        if one is timed[0] or not _surely_faster(timed[0], one, known.get(one.backend))
    ]


def is_enough(found: Sequence[Candidate]) -> bool:
    """Return whether measuring would tell no more: all is known of who may be the fastest.

    That is so if every backend that can run has a time or a reason for having none, and if no
    contended time leaves it open that another takes so much less than the pick that it is `DEAR`.
    """
    may_be = contenders(found)
    unknown = any(one.reason == NOT_KNOWN for one in found)
    return not unknown and not any(_is_open(one, may_be[0]) for one in may_be[1:])


def _is_open(other: Candidate, pick: Candidate) -> bool:
    """Return whether contention leaves it open that this pick is `DEAR`: a new time would tell."""
    if CONTENDED not in (other.doubt, pick.doubt):
        return False
    apart = log(_seconds(other) / _seconds(pick))
    return apart - _SURE * sqrt(_variance(pick) + _variance(other)) < -log(DEAR)


def choose(
    found: Sequence[Candidate],
    measured: str | None = None,
    stale: str | None = None,
    able: Sequence[str] | None = None,
    ratios: Mapping[str, Interval] | None = None,
    new: Collection[str] = (),
) -> Advice:
    """Return the fastest of the candidates; without any time the first that can run, if one can.

    With ``able`` it is one of these, and what a rewrite for another would save is told.
    ``ratios`` are those to the fastest of times measured side by side, by backend; ``new`` are the
    backends that were measured for this very question. Raises ValueError without a candidate.
    """
    ordered = sorted(found, key=_seconds)
    picks = [one for one in ordered if able is None or one.backend in able]
    if not picks:
        raise ValueError("no candidates to choose from")
    may_be = contenders(picks, ratios)
    best = may_be[0] if may_be else _first(picks)
    is_here = best.seconds is not None or _is_unknown(best)
    doubts = _doubts(picks, len(found) == 1)
    advice = Advice(
        backend=best.backend if is_here else "",
        device=best.device if is_here else "",
        compiled=able is not None and best.backend.endswith("-compiled"),
        seconds=best.seconds,
        low=best.low,
        high=best.high,
        why="",
        decided=False,
        source="measured" if may_be else "unknown",
        measured=measured if may_be else None,
        stale=stale if may_be else None,
        candidates=tuple(ordered),
        ties=tuple(name for name, ratio in (ratios or {}).items() if ratio.is_tie),
        unsure=tuple(one.backend for one in may_be[1:]),
        undecided=", and ".join(doubts) or None,
    )
    others = [one for one in picks if one.seconds is not None and one is not best]
    unknown = [one.backend for one in picks if _is_unknown(one)]
    decided = bool(may_be) and not (doubts or advice.in_doubt or unknown)
    is_part_known = bool(may_be) and not doubts and len(others) > len(advice.in_doubt)
    sentence = _sentence(advice, best, others, ratios or {})
    return replace(
        advice,
        decided=decided,
        use=best.backend if decided or is_part_known else None,
        sentence=sentence,
        why=_why(sentence, best, doubts, unknown, best.backend in new) + _rewrite(best, ordered[0]),
    )


def _is_unknown(candidate: Candidate) -> bool:
    """Return whether it may be the fastest for all that is known."""
    return candidate.seconds is None and candidate.reason in (NOT_KNOWN, NOT_REACHED, *GIVEN_UP)


def _seconds(candidate: Candidate) -> float:
    return inf if candidate.seconds is None else candidate.seconds


def _first(found: Sequence[Candidate]) -> Candidate:
    """Return NumPy if it can run here, else the first that can, else the first."""
    able = [one for one in found if _is_unknown(one)]
    return next((one for one in able if one.backend == "numpy"), (able or list(found))[0])


def _surely_faster(one: Candidate, other: Candidate, ratio: Interval | None = None) -> bool:
    """Return whether the first is faster by more than chance explains: see the head of this file.

    ``ratio`` is that of the other's time to the first one's, where both were measured side by side.
    """
    if ratio is not None:
        return ratio.low is not None and ratio.low > 1
    apart = log(_seconds(other) / _seconds(one))
    return apart > max(log(ALIKE), _SURE * sqrt(_variance(one) + _variance(other)))


def _variance(candidate: Candidate) -> float:
    """Return the variance of the logarithm of the time, from its interval."""
    if not candidate.low or not candidate.high:
        return inf
    return (log(candidate.high / candidate.low) / (2 * _NORMAL)) ** 2


def _doubts(picks: Sequence[Candidate], is_alone: bool) -> list[str]:
    """Return what leaves the whole answer undecided, however far apart the times are."""
    best, *others = picks
    if best.seconds is None:
        return []
    if is_alone:
        return ["no other backend was asked for: no comparison"]
    unknown = [one.backend for one in others if _is_unknown(one)]
    if unknown and all(one.seconds is None for one in others):
        return [f"{_not_measured(unknown)}: no comparison"]
    doubts = []
    for doubt in dict.fromkeys(one.doubt for one in picks if one.doubt):
        those = enumerated(one.backend for one in picks if one.doubt == doubt)
        doubts.append(f"{those}: {doubt}" if doubt in IN_DOUBT else doubt)
    return doubts


def _not_measured(names: Sequence[str]) -> str:
    return f"{enumerated(names)} {'was' if len(names) == 1 else 'were'} not measured"


# --- in words ------------------------------------------------------------------------------------


def _sentence(
    found: Advice,
    best: Candidate,
    others: Sequence[Candidate],
    ratios: Mapping[str, Interval],
) -> str:
    """Return what is the fastest, and how many times as long the others take."""
    if best.reason == NOT_KNOWN:
        return f"undecided: nothing is known of such a training on this machine, so {best.backend}"
    if best.seconds is None:
        reasons = (f"{one.backend}: {one.reason}" for one in found.candidates if one.reason)
        return f"not measured: {'; '.join(reasons)}"
    ties, in_doubt = found.ties, found.in_doubt
    alike = [one for one in others if one.backend in ties or found.undecided]
    doubtful = [one for one in others if one.backend in in_doubt and one not in alike]
    slower = [one for one in others if one not in (*alike, *doubtful)]
    same = [named(one.backend) for one in (best, *alike, *doubtful)]
    first = same[0]
    if found.undecided or doubtful:
        first = f"undecided between {enumerated(same)}" if others else "undecided"
    elif alike:
        first = f"{enumerated(same)} tie: within 5%"
    elif not others:
        # A time of what does not train a module is one of a rewrite.
        is_module = any(one.seconds for one in found.candidates if one is not best)
        first += f", the only backend that can train {'a module' if is_module else 'it'} here"
    told = [takes(one, best, ratios.get(one.backend)) for one in slower[:_NAMED]]
    if len(slower) > _NAMED:
        told.append(f"{count(len(slower) - _NAMED)} more take longer")
    return "; ".join([first, *told])


def takes(other: Candidate, best: Candidate, ratio: Interval | None) -> str:
    """Return how many times as long another takes as the best, which both have a time."""
    value = _seconds(other) / _seconds(best)
    parts = (value,) if ratio is None else (ratio.estimate, ratio.low, ratio.high)
    return f"{named(other.backend)} takes {times_as_long(*parts)}"


def _why(
    sentence: str, best: Candidate, doubts: Sequence[str], unknown: Sequence[str], is_new: bool
) -> str:
    """Return the sentence with the time and its source, and what leaves it undecided."""
    if best.seconds is None:
        return sentence
    source = "measured now" if is_new else "measured for this shape"
    time = duration_interval(best.seconds, best.low, best.high)
    parts = [sentence, f"{named(best.backend)} takes {time}, {source}"]
    if doubts or unknown:
        because = ", and ".join(doubts or [_not_measured(unknown)])
        parts.append(f"{'why' if sentence.startswith('undecided') else 'undecided'}: {because}")
    return "; ".join(parts)


def _rewrite(best: Candidate, first: Candidate) -> str:
    """Return what another backend would save, where that is more than chance explains."""
    if best.seconds is None or not _surely_faster(first, best):
        return ""
    ratio = times_as_long(_seconds(first) / best.seconds)
    return f"; rewritten for {first.backend} it takes {ratio}"
