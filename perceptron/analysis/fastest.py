"""Which backend trains a shape fastest, how long that takes, and whether that is decided.

Plain Python on records: a program that asks once waits for no library.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, log, sqrt
from typing import Any

from msgspec import Struct

from perceptron.analysis.candidates import NOT_KNOWN, OTHER_KIND, Candidate, Source
from perceptron.analysis.work import CONTENDED, GIVEN_UP, IN_DOUBT
from perceptron.errors import UserError

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
# Reasons of an estimate that leave it in doubt, however far it is from all others.
_DOUBTS = (OTHER_KIND, *GIVEN_UP)


class Advice(Struct, frozen=True, kw_only=True):
    """The fastest backend for a training, as `perceptron.fastest` answers."""

    backend: str
    """The fastest; empty where none can train this here."""
    device: str
    """Where it trains: ``cpu``, ``cuda`` …"""
    compiled: bool = False
    """Whether it is a module in hand that goes through `torch.compile`."""
    seconds: float | None
    """Of the whole training; None where nothing is known."""
    low: float | None
    """The 95% interval of ``seconds``. 0 where waiting for cores may explain all of the time."""
    high: float | None
    """Its upper end."""
    why: str
    """One sentence, with *estimated* and *undecided* where that is so."""
    decided: bool
    """False where another backend takes at most 10% longer or may be as fast, and where a time
    that was compared is contended or of a single repeat."""
    source: Source
    """``measured``, ``estimated`` (of this or of one that may be as fast) or ``unknown``."""
    measured: str | None
    """Time of the newest measurement behind the answer: UTC, ISO 8601."""
    stale: str | None
    """Which libraries have changed since then; None if none has."""
    candidates: tuple[Candidate, ...]
    """All backends that were asked about, the fastest first."""

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


def contenders(found: Iterable[Candidate]) -> list[Candidate]:
    """Return the fastest and those that may be as fast, the fastest first."""
    timed = sorted((one for one in found if one.seconds), key=_seconds)
    return [one for one in timed if one is timed[0] or not _surely_faster(timed[0], one)]


def is_enough(found: Sequence[Candidate]) -> bool:
    """Return whether measuring would tell no more: all is known of who may be the fastest.

    That is so if each of them was measured, or a shape near this one was, if none of them may take
    so much less than the pick that it is `DEAR`, and if every other backend that can run has a time
    or a reason for having none. An estimate from contended times tells less than a measurement.
    """
    may_be = contenders(found)
    unknown = any(one.reason == NOT_KNOWN for one in found)
    far = any(
        one.reason not in (None, *GIVEN_UP)
        or (one.source == "estimated" and one.doubt == CONTENDED)
        for one in may_be
    )
    return not unknown and not far and not any(_is_open(one, may_be[0]) for one in may_be[1:])


def _is_open(other: Candidate, pick: Candidate) -> bool:
    """Return whether the intervals leave it open that this pick is `DEAR`, and a row would tell."""
    is_known = other.source == pick.source == "measured"
    if (is_known and CONTENDED not in (other.doubt, pick.doubt)) or other.reason in GIVEN_UP:
        return False
    apart = log(_seconds(other) / _seconds(pick))
    return apart - _SURE * sqrt(_variance(pick) + _variance(other)) < -log(DEAR)


def choose(
    found: Sequence[Candidate],
    measured: str | None = None,
    stale: str | None = None,
    able: Sequence[str] | None = None,
) -> Advice:
    """Return the fastest of the candidates; without any time the first that can run, if one can.

    With ``able`` it is one of these, and what a rewrite for another would save is told.
    Raises ValueError without a candidate.
    """
    ordered = sorted(found, key=_seconds)
    picks = [one for one in ordered if able is None or one.backend in able]
    if not picks:
        raise ValueError("no candidates to choose from")
    may_be = contenders(picks)
    unknown = [one for one in picks if _is_unknown(one)]
    best = may_be[0] if may_be else _first(picks)
    in_doubt = any(one.doubt for one in picks)
    decided = len(may_be) == 1 and not (unknown or in_doubt) and best.reason not in _DOUBTS
    is_here = best.seconds is not None or _is_unknown(best)
    return Advice(
        backend=best.backend if is_here else "",
        device=best.device if is_here else "",
        compiled=able is not None and best.backend.endswith("-compiled"),
        seconds=best.seconds,
        low=best.low,
        high=best.high,
        why=_why(best, picks, may_be, unknown) + _rewrite(best, ordered[0]),
        decided=decided,
        source=_source(may_be),
        measured=measured if may_be else None,
        stale=stale if may_be else None,
        candidates=tuple(ordered),
    )


def _is_unknown(candidate: Candidate) -> bool:
    """Return whether it may be the fastest for all that is known."""
    return candidate.seconds is None and candidate.reason in (NOT_KNOWN, *GIVEN_UP)


def _seconds(candidate: Candidate) -> float:
    return inf if candidate.seconds is None else candidate.seconds


def _first(found: Sequence[Candidate]) -> Candidate:
    """Return NumPy if it can run here, else the first that can, else the first."""
    able = [one for one in found if _is_unknown(one)]
    return next((one for one in able if one.backend == "numpy"), (able or list(found))[0])


def _surely_faster(one: Candidate, other: Candidate) -> bool:
    """Return whether the first is faster by more than 10 %, and by more than chance explains."""
    apart = log(_seconds(other) / _seconds(one))
    return apart > max(log(ALIKE), _SURE * sqrt(_variance(one) + _variance(other)))


def _variance(candidate: Candidate) -> float:
    """Return the variance of the logarithm of the time, from its interval."""
    if not candidate.low or not candidate.high:
        return inf
    return (log(candidate.high / candidate.low) / (2 * _NORMAL)) ** 2


def _source(may_be: Sequence[Candidate]) -> Source:
    if not may_be:
        return "unknown"
    is_measured = all(one.source == "measured" for one in may_be)
    return "measured" if is_measured else "estimated"


def _why(
    best: Candidate,
    ordered: Sequence[Candidate],
    may_be: Sequence[Candidate],
    unknown: Sequence[Candidate],
) -> str:
    if not may_be:
        if best.reason != NOT_KNOWN:
            reasons = "; ".join(f"{one.backend}: {one.reason}" for one in ordered)
            return f"undecided: no backend has a time; {reasons}"
        return f"undecided: nothing is known of such a training on this machine, so {best.backend}"
    parts = [f"{best.backend} takes {_time(best)}"]
    others = [one for one in ordered if one.seconds is not None and one is not best]
    parts += [_beside(one, best) for one in others[:1]]
    if any(one.source == "estimated" for one in (best, *others[:1])):
        parts.append("estimated from other shapes measured on this machine")
    sentence = ", ".join(parts)
    doubts = []
    if len(may_be) > 1:
        doubts.append(f"{_listed(may_be[1:])} may be as fast")
    if unknown:
        doubts.append(f"nothing is known of {_listed(unknown)}")
    if best.reason in GIVEN_UP:
        doubts.append(f"{best.backend} {best.reason}")
    if best.reason == OTHER_KIND:
        doubts.append(OTHER_KIND)
    for doubt in IN_DOUBT:
        doubted = [one for one in ordered if one.doubt == doubt]
        doubts += [f"{_listed(doubted)}: {doubt}"] if doubted else []
    return f"{sentence}; undecided: {', and '.join(doubts)}" if doubts else sentence


def _rewrite(best: Candidate, first: Candidate) -> str:
    """Return what another backend would save, where that is more than chance explains."""
    if best.seconds is None or not _surely_faster(first, best):
        return ""
    guess = "is estimated to take" if first.source == "estimated" else "takes"
    ratio = _seconds(first) / best.seconds
    return f"; rewritten for {first.backend} it {guess} {ratio:.3g} times as long"


def _time(candidate: Candidate) -> str:
    return f"{candidate.seconds:.3g} s [{candidate.low:.3g}, {candidate.high:.3g}]"


def _beside(other: Candidate, best: Candidate) -> str:
    return f"{other.backend} {_seconds(other) / _seconds(best):.3g} times as long"


def _listed(found: Sequence[Candidate]) -> str:
    return " and ".join(one.backend for one in found)
