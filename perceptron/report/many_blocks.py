"""Blocks of README and docs about many models at once: from how many of them that changes what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from perceptron.analysis.crossover.judge import Crossover
from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.sweep import sweeps
from perceptron.analysis.what_if.estimate import EAGER, WhatIf
from perceptron.records.measurement import Measurement
from perceptron.report.crossover_words import (
    answer,
    doubt_in_short,
    is_measured,
    missing,
    sentence,
    status,
)
from perceptron.report.newest_runs import MANY_FAMILIES
from perceptron.report.numbers import NONE, count, duration
from perceptron.report.process_blocks import ground_of
from perceptron.report.tables import markdown
from perceptron.report.tables.what_if import size_words

SEARCHED = tuple(f"crossover --family {family} --what-if h100" for family in MANY_FAMILIES)
"""The searches that are shown, as typed."""
COLUMNS = ("family", "pair", "status", "who is faster [95 % interval]")
_ONE_BY_ONE = "-one-by-one"
_AT_ONCE, _TORCH, _GPU = "numpy", "torch-cpu", EAGER
_BEGINNING = "…unless you train many"


def many_blocks(
    searches: Sequence[CrossoverResult],
    gpus: Mapping[str, Sequence[CrossoverResult]],
    finding: BenchResult,
) -> dict[str, str]:
    """Return the sentence that ends the finding, and the tables behind it, by name.

    ``searches`` are of one of `MANY_FAMILIES` each, ``gpus`` the same on machines that have one, by
    its name. Where the searches ran otherwise than the ``finding`` did, the sentence says so.
    """
    gates, commands = of_gates(searches), " and ".join(f"`perceptron {one}`" for one in SEARCHED)
    not_measured = f"`perceptron {SEARCHED[0]}` says from how many models on; not measured yet."
    on_gpus = {name: own for name, some in gpus.items() if (own := of_gates(some)) is not None}
    return {
        "many": f"{_BEGINNING}: {not_measured}"
        if gates is None
        else _ending(gates, on_gpus, finding),
        "many-in-full": "\n\n".join("\n".join(_in_full(own)) for own in searches)
        or f"Not measured yet: {commands} do.",
    }


def of_gates(searches: Sequence[CrossoverResult]) -> CrossoverResult | None:
    """Return the search along OR gates, if there is one."""
    return next(
        (own for own in searches if any(row.family == MANY_FAMILIES[0] for row in own.rows)), None
    )


def _ending(
    result: CrossoverResult, gpus: Mapping[str, CrossoverResult], finding: BenchResult
) -> str:
    words = f"{in_short(result)}; {_of_gpus(result, gpus)}"
    other = _otherwise(result, finding)
    where = f"Measured {other}; rows" if other else "Rows"
    return f"{_BEGINNING}: {words}. {where} in `{result.results}`."


def _otherwise(result: CrossoverResult, finding: BenchResult) -> str:
    """Return where and how it was measured, as far as that is not so of the finding above it."""
    row, facts = result.rows[0], result.environment
    assert facts is not None, "of a run of ours"
    parts = []
    if row.machine != finding.machine:
        parts.append(f"on another machine, `{row.machine}` ({facts.cpu}, {facts.cores} cores)")
    others = [
        f"{one.backend} above in {one.dtype}"
        for one in finding.finding
        if one.backend in (_AT_ONCE, _TORCH) and one.dtype not in (None, row.dtype)
    ]
    if others:
        parts.append(f"in {row.dtype} ({', '.join(others)})")
    return ", ".join(parts)


def in_short(result: CrossoverResult) -> str:
    """Return from how many OR gates on all at once beats one by one, and PyTorch NumPy.

    All at once pays from another number of models on for each of the two, so both are named.
    """
    at_once = (
        _turn(
            result,
            (f"{backend}{_ONE_BY_ONE}", backend),
            f"{backend} trains all at once faster than one by one",
        )
        for backend in (_AT_ONCE, _TORCH)
    )
    torch = _turn(result, (_AT_ONCE, _TORCH), f"{_TORCH} is faster than {_AT_ONCE}")
    return "; ".join((*at_once, torch))


def _turn(result: CrossoverResult, pair: tuple[str, str], what: str) -> str:
    """Say from how many OR gates on the challenger of a pair wins, with ``what`` that means."""
    found = _of_pair(result.crossovers, pair)
    if found is None or not is_measured(found):
        return f"whether {what} was not measured"
    words = doubt_in_short(found)
    doubt = f" ({words})" if words else ""
    if found.status == "crosses" and found.size is not None:
        return f"from {_whole(found.size, found.low, found.high)} models on {what}{doubt}"
    if found.status == "never":
        sure = "sure " if doubt else ""
        return f"{pair[0]} stays faster than {pair[1]} at every {sure}number of models{doubt}"
    at_most = _sure_from(found) if found.status == "always" else None
    if at_most is not None:
        is_open = any(low >= at_most or high > at_most for low, high in found.unsure)
        return f"from at most {count(at_most)} models on {what}{doubt if is_open else ''}"
    return f"whether {what}: {sentence(found)}{doubt}"


def _whole(size: float, low: float | None, high: float | None) -> str:
    """Return a number of models with its interval: the whole numbers from which on it holds."""
    if low is None or high is None:
        return count(ceil(size))
    return f"{count(ceil(size))} [{count(ceil(low))}, {count(ceil(high))}]"


def _sure_from(crossover: Crossover) -> float | None:
    """Return the smallest size measured from which on the challenger is surely faster.

    With one model all at once is the same training as one by one, so that neither wins there.
    """
    surely = [at.high is not None and at.high < 1 for at in crossover.ratio_at]
    if not surely or not surely[-1]:
        return None
    first = len(surely) - surely[::-1].index(False) if False in surely else 0
    return crossover.ratio_at[first].size


def _of_gpus(result: CrossoverResult, gpus: Mapping[str, CrossoverResult]) -> str:
    """Say what was measured with GPUs, else what was estimated, else that there was none."""
    measured = [
        _turn(own, (_AT_ONCE, _GPU), f"a GPU ({name}) is faster than {_AT_ONCE}")
        for name, own in gpus.items()
    ]
    if measured:
        return "; ".join(measured)
    estimated = _estimated(result.what_if)
    if estimated is None:
        return "no GPU was measured"
    return f"no GPU was measured, and {estimated}"


def _estimated(estimates: Sequence[WhatIf]) -> str | None:
    """Return what was estimated of a GPU in place of a measurement, None if nothing was."""
    own = [one for one in estimates if (one.family, one.incumbent) == (MANY_FAMILIES[0], _AT_ONCE)]
    if not own:
        return None
    return (
        f"by an estimate [best, worst case] one ({own[0].device}) would be faster than {_AT_ONCE}: "
        + ", ".join(map(_would, own))
    )


def _would(one: WhatIf) -> str:
    if one.status in ("always", "never"):
        return f"{one.challenger} at {size_words(one)}"
    return f"{one.challenger} from {size_words(one)} models on"


def _of_pair(crossovers: Sequence[Crossover], pair: tuple[str, str]) -> Crossover | None:
    of_gates = (one for one in crossovers if one.family == MANY_FAMILIES[0])
    return next((one for one in of_gates if (one.incumbent, one.challenger) == pair), None)


def _in_full(result: CrossoverResult) -> list[str]:
    rows = [
        (f"`{one.family}`", f"{one.incumbent} → {one.challenger}", status(one), answer(one))
        for one in result.crossovers
        if is_measured(one)
    ]
    lines = markdown.table(COLUMNS, rows)
    lines += [f"\nNot measured: {reason}." for reason in missing(result.crossovers)]
    for family in dict.fromkeys(row.family for row in result.rows):
        own = [row for row in result.rows if row.family == family]
        lines += ["", f"`{family}`: an iteration shared out over the models", "", *_of_one(own)]
    estimated = _estimated(result.what_if)
    if estimated is not None:
        lines += ["", f"{estimated[0].upper()}{estimated[1:]}."]
    return [*lines, "", ground_of(result)]


def _of_one(rows: Sequence[Measurement]) -> list[str]:
    """Return the time of an iteration and model as a table: models down, backends across."""
    curves = [curve for sweep in sweeps(rows)[:1] for curve in sweep.of_one_model if curve.spots]
    times = {
        (curve.backend, spot.size): duration(spot.value.estimate)
        for curve in curves
        for spot in curve.spots
    }
    sizes = sorted({size for _, size in times})
    return markdown.table(
        ("models", *(curve.backend for curve in curves)),
        [
            (f"{size:,}", *(times.get((curve.backend, size), NONE) for curve in curves))
            for size in sizes
        ],
    )
