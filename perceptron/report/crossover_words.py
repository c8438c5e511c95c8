"""A crossover in words: its status, its ground and its answer with the numbers.

It imports nothing that a pull request's comment cannot have: that is written with few packages.
"""

from __future__ import annotations

from collections.abc import Iterable

from perceptron.analysis.crossover.comparable import described
from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.select import State
from perceptron.report.numbers import NONE, digits, interval


def status(crossover: Crossover) -> str:
    """Return the status, and whether it is to be trusted."""
    return f"{crossover.status}, not sure" if crossover.unsure else crossover.status


def setting(crossover: Crossover) -> str:
    """Return where and how a pair was measured, as far as that is known."""
    threads = None if crossover.threads is None else f"{crossover.threads} threads"
    machine = None if crossover.machine == "unknown" else crossover.machine
    return ", ".join(filter(None, (machine, crossover.dtype, threads))) or NONE


def state(crossover: Crossover) -> str | None:
    """Return at which commit, in which environment and by which version another tool measured it.

    None for our own rows, which their folder tells of, and where nothing is known.
    """
    known = (crossover.commit, crossover.environment, crossover.version)
    if crossover.source in (None, "perceptron") or not any(known):
        return None
    return described(State(crossover.source, *known))


def answer(crossover: Crossover) -> str:
    """Return the sentence, with the reason for a doubt in brackets."""
    reason = f" ({crossover.reason})" if crossover.reason else ""
    return sentence(crossover) + reason


def sentence(crossover: Crossover) -> str:
    """Return what a crossover says, in words with its numbers."""
    sure = "sure " if crossover.unsure else ""
    size = NONE
    if crossover.size is not None:
        size = interval(crossover.size, crossover.low, crossover.high)
    return {
        "crosses": f"{crossover.challenger} from {size} up",
        "reverses": f"{crossover.challenger} first, {crossover.incumbent} from {size} up",
        "always": f"{crossover.challenger} at every {sure}size",
        "never": f"{crossover.incumbent} at every {sure}size",
        "multiple": "; ".join(
            f"{getattr(crossover, crossing.direction)} from {digits(crossing.size)} up"
            for crossing in crossover.crossings
        ),
        "tie": "neither",
        "suspect": "not believable",
        "not measured": "not measured",
    }[crossover.status]


def missing(crossovers: Iterable[Crossover]) -> list[str]:
    """Return why pairs were not measured, each reason once.

    A reason names the families it holds in, unless it holds in all of them.
    """
    crossovers = list(crossovers)
    families: dict[str, list[str]] = {}
    for crossover in crossovers:
        if crossover.status != "not measured":
            continue
        for reason in filter(None, (crossover.reason or "").split("; ")):
            if crossover.family not in families.setdefault(reason, []):
                families[reason].append(crossover.family)
    everywhere = len({crossover.family for crossover in crossovers})
    return [
        reason if len(names) == everywhere else f"{reason} (in {', '.join(names)})"
        for reason, names in families.items()
    ]
