"""A crossover in words: its status, its ground and its answer with the numbers.

It imports nothing that a pull request's comment cannot have: that is written with few packages.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log

from perceptron.analysis.crossover.comparable import described
from perceptron.analysis.crossover.judge import NO_ANSWER, Crossover
from perceptron.analysis.interval import TIE
from perceptron.analysis.over_processes import named, threads_in_all
from perceptron.analysis.select import State
from perceptron.analysis.training import training_words
from perceptron.numbers import NONE, count, digits, interval
from perceptron.report.size_axis import at_size, size_axis, size_noun

# Pairs that are named before a reason which names none.
_PAIRS = 3


def is_measured(crossover: Crossover) -> bool:
    """Return whether a size was measured on both, whatever that says."""
    return crossover.status != "not measured"


def status(crossover: Crossover) -> str:
    """Return the status in words, and whether it is to be trusted."""
    return f"{crossover.status}, not sure" if _is_doubtful(crossover) else crossover.status


def setting(crossover: Crossover) -> str:
    """Return where and how a pair was measured, as far as that is known."""
    pair = (crossover.incumbent, crossover.challenger) if _is_ours(crossover) else ()
    threads = None if crossover.threads is None else threads_in_all(crossover.threads, pair)
    machine = None if crossover.machine == "unknown" else crossover.machine
    words = (machine, crossover.dtype, threads, training_words(crossover))
    return ", ".join(filter(None, words)) or NONE


def axis_of(crossover: Crossover) -> str:
    """Return what its sizes count, in a word."""
    return size_axis(crossover.family, crossover.axis)


def shared_state(crossovers: Iterable[Crossover]) -> State | None:
    """Return what is common to the states of all that another tool measured; None if nothing is."""
    states = {state for crossover in crossovers if (state := _state(crossover)) is not None}
    if not states:
        return None
    common = [of_all[0] if len(set(of_all)) == 1 else None for of_all in zip(*states, strict=True)]
    return State(*common) if any(common[1:]) else None


def setting_and_state(crossover: Crossover, shared: State | None) -> str:
    """Return the setting, and what another tool's state has that is not ``shared`` by all."""
    own = _state(crossover)
    if own is not None and shared is not None:
        own = State(*(None if a == b else a for a, b in zip(own, shared, strict=True)))
    if own is None or not any(own[1:]):
        return setting(crossover)
    where = setting(crossover)
    return described(own) if where == NONE else f"{where}, {described(own)}"


def _state(crossover: Crossover) -> State | None:
    if _is_ours(crossover):
        return None
    return State(
        crossover.source,
        crossover.commit,
        crossover.environment,
        crossover.version,
        crossover.code,
    )


def _is_ours(crossover: Crossover) -> bool:
    return crossover.source in (None, "perceptron")


def who(crossover: Crossover) -> tuple[str, str]:
    """Return incumbent and challenger as sentences name them: ``2 processes (torch-ddp@2)``.

    What another tool calls its backends is no number of processes.
    """
    one, other = crossover.incumbent, crossover.challenger
    return (named(one, other), named(other, one)) if _is_ours(crossover) else (one, other)


def answer(crossover: Crossover) -> str:
    """Return the sentence, with the reason for a doubt in brackets."""
    reason = f" ({crossover.reason})" if crossover.reason else ""
    return sentence(crossover) + reason


def in_short(crossover: Crossover) -> str:
    """Return the sentence, with the doubt in few words in brackets."""
    doubt = doubt_in_short(crossover)
    return f"{sentence(crossover)} ({doubt})" if doubt else sentence(crossover)


def doubt_in_short(crossover: Crossover) -> str:
    """Return at which sizes another winner may hide: ``not sure at 8 and from 64 to 512``.

    Sizes measured one after the other are one stretch; empty if the answer is sure.
    """
    sizes = sorted(crossover.sizes_measured)
    stretches: list[list[int]] = []
    for low, high in sorted(crossover.unsure):
        first, last = sizes.index(low), sizes.index(high)
        if stretches and first <= stretches[-1][1] + 1:
            stretches[-1][1] = max(last, stretches[-1][1])
        else:
            stretches.append([first, last])
    parts = [_stretch(sizes[first], sizes[last]) for first, last in stretches]
    if parts:
        return f"not sure {' and '.join(parts)}"
    return "not sure" if _is_doubtful(crossover) else ""


def _is_doubtful(crossover: Crossover) -> bool:
    return not crossover.sure and crossover.status not in NO_ANSWER


def _stretch(low: float, high: float) -> str:
    first, last = (
        count(int(end)) if float(end).is_integer() else digits(end) for end in (low, high)
    )
    return f"at {first}" if low == high else f"from {first} to {last}"


def sentence(crossover: Crossover) -> str:
    """Return what a crossover says, in words with its numbers."""
    incumbent, challenger = who(crossover)
    sure = "sure " if crossover.unsure or _turns(crossover) else ""
    axis = axis_of(crossover)
    noun = size_noun(axis)
    winners = {"incumbent": incumbent, "challenger": challenger}
    size = NONE
    if crossover.size is not None:
        size = at_size(interval(crossover.size, crossover.low, crossover.high), axis)
    return {
        "crosses": f"{challenger} from {size} up",
        "reverses": f"{challenger} first, {incumbent} from {size} up",
        "always": f"{challenger} at every {sure}{noun}",
        "never": f"{incumbent} at every {sure}{noun}",
        "multiple": "; ".join(
            f"{winners[change.direction]} from {at_size(digits(change.size), axis)} up"
            for change in crossover.crossings
        ),
        "tie": "neither",
        "suspect": "not believable",
        "undecided": f"undecided between {incumbent} and {challenger}",
        "not measured": "not measured",
    }[crossover.status]


def _turns(crossover: Crossover) -> bool:
    """Return whether the one that is said to lose is ahead somewhere, though not surely."""
    sign = {"never": 1, "always": -1}.get(crossover.status, 0)
    return any(sign * log(at.ratio) < -TIE for at in crossover.ratio_at)


def missing(crossovers: Iterable[Crossover]) -> list[str]:
    """Return why there is no size that was measured on both of a pair, each reason once.

    A reason that names no backend is told with its pairs. It names the families it holds in, unless
    it holds in all of them.
    """
    crossovers = list(crossovers)
    where: dict[str, list[Crossover]] = {}
    for crossover in crossovers:
        if not is_measured(crossover):
            for reason in filter(None, (crossover.reason or "").split("; ")):
                where.setdefault(reason, []).append(crossover)
    every = len({crossover.family for crossover in crossovers})
    return [
        f"{_pairs(reason, absent)}{reason}{_families(absent, every)}"
        for reason, absent in where.items()
    ]


def _pairs(reason: str, absent: Iterable[Crossover]) -> str:
    """Return the pairs that a reason is about, before it; empty if it names a backend itself."""
    pairs = dict.fromkeys((one.incumbent, one.challenger) for one in absent)
    if any(name in reason for pair in pairs for name in pair):
        return ""
    named = [f"{incumbent} → {challenger}" for incumbent, challenger in pairs]
    more = len(named) - _PAIRS
    shown = ", ".join(named[:_PAIRS])
    return f"{shown} and {count(more)} more: " if more > 0 else f"{shown}: "


def _families(absent: Iterable[Crossover], every: int) -> str:
    names = list(dict.fromkeys(one.family for one in absent))
    return "" if len(names) == every else f" (in {', '.join(names)})"
