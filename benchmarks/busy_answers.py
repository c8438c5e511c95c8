"""Whether answers given on a busy machine hold: ``python -m benchmarks.busy --answers``.

Every question is asked twice within minutes, idle and beside three processes that spin. What was
decided beside them must not be contradicted by the idle answer: nothing else counts as wrong, an
undecided answer never is. About 25 minutes on two cores, with nothing else running.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

import perceptron
from benchmarks.shared import busy_neighbour, typed
from perceptron.analysis.contention import contended_samples
from perceptron.environment_variables import variables_set
from perceptron.errors import UserError
from perceptron.records.row import times
from perceptron.records.store import load_run
from perceptron.report.tables import markdown
from perceptron.studies.fastest import cache

NEIGHBOURS = 3
COLUMNS = (
    "question",
    "idle: decided>",
    "beside three busy processes: decided>",
    "contradicted>",
    "samples contended>",
)
# From a walk-through's data to more than a cache holds.
SHAPES: tuple[dict[str, Any], ...] = (
    {"rows": 4, "features": 2},
    {"rows": 256, "features": 64, "hidden": (32,)},
    {"rows": 256, "features": 64, "hidden": (1024,)},
    {"rows": 16384, "features": 64, "hidden": (128,), "classes": 10, "batch": 64},
    {"rows": 4096, "features": 256, "hidden": (256, 256), "classes": 10},
)
FAMILIES = ("mlp-width", "perceptron-rows", "many-or-gates")


class Claim(Struct, frozen=True):
    """Something decided: of this subject, at this size, one is faster than the other."""

    subject: str
    size: float
    faster: str
    slower: str


class Asked(Struct, frozen=True, kw_only=True):
    """A question's decided answers, and the share of its samples that were contended."""

    question: str
    claims: list[Claim]
    contended: float | None


def measure(say: Callable[[str], object]) -> list[tuple[Asked, Asked]]:
    """Ask every question idle and beside the neighbours; return both answers of each."""
    pairs: list[tuple[Asked, Asked]] = []
    for ask in _questions():
        both = []
        for neighbours in (0, NEIGHBOURS):
            with busy_neighbour(neighbours):
                both.append(ask())
        for idle, busy in zip(*both, strict=True):
            pairs.append((idle, busy))
            say(" | ".join(_cells(idle, busy)))
            for claim in contradicted(idle.claims, busy.claims):
                say(f"  contradicted: {claim}")
    return pairs


def lines(pairs: Sequence[tuple[Asked, Asked]], ground: str) -> list[str]:
    """Return the table of what was asked, and where and when."""
    total = sum(len(contradicted(idle.claims, busy.claims)) for idle, busy in pairs)
    decided = sum(len(busy.claims) for _, busy in pairs)
    return [
        f"`python -m benchmarks.busy --answers`, {ground}: {total} of {decided} decided answers "
        "contradicted.",
        "",
        *markdown.table(COLUMNS, [_cells(idle, busy) for idle, busy in pairs]),
    ]


def contradicted(idle: Sequence[Claim], busy: Sequence[Claim]) -> list[Claim]:
    """Return the busy claims for whose opposite the idle claims speak.

    That is at the same size, or at both sizes beside it: the two searches measure different ones.
    """
    return [
        claim
        for claim in busy
        if _speak_for(Claim(claim.subject, claim.size, claim.slower, claim.faster), idle)
    ]


def _speak_for(wanted: Claim, claims: Sequence[Claim]) -> bool:
    names = {wanted.faster, wanted.slower}
    alike = [one for one in claims if one.subject == wanted.subject]
    winners = {one.size: one.faster for one in alike if {one.faster, one.slower} == names}
    sizes = sorted(winners)
    place = bisect_left(sizes, wanted.size)
    if wanted.size in winners:
        return winners[wanted.size] == wanted.faster
    beside = sizes[max(0, place - 1) : place + 1]
    return len(beside) == 2 and all(winners[size] == wanted.faster for size in beside)


def _cells(idle: Asked, busy: Asked) -> tuple[str, ...]:
    wrong = len(contradicted(idle.claims, busy.claims))
    share = "–" if busy.contended is None else f"{100 * busy.contended:.0f}%"
    return f"`{idle.question}`", str(len(idle.claims)), str(len(busy.claims)), str(wrong), share


def _questions() -> Iterator[Callable[[], list[Asked]]]:
    """Yield what asks: a command each, `fastest` after the `advise` that it learns from."""
    for shape, threads in product(SHAPES, (None, 1)):
        yield partial(_advise_then_fastest, shape, threads)
    for family in FAMILIES:
        yield partial(_commands, "crossover", "--family", family, "--quick")
    yield partial(_commands, "map", "--quick")
    yield partial(_commands, "overhead", "--problem", "digits", "--quick")


def _commands(*words: str) -> list[Asked]:
    with tempfile.TemporaryDirectory(prefix="perceptron-answers-") as folder:
        return [_command(*words, folder=folder)]


def _advise_then_fastest(shape: dict[str, Any], threads: int | None) -> list[Asked]:
    words = [
        word
        for name, value in {**shape, "threads": threads}.items()
        if value is not None
        for word in (f"--{name}", ",".join(map(str, value)) if name == "hidden" else str(value))
    ]
    with tempfile.TemporaryDirectory(prefix="perceptron-answers-") as folder:
        asked = _command("advise", *words, folder=folder)
        with variables_set({cache.FOLDER: f"{folder}/cache"}):
            advice = perceptron.fastest(**shape, threads=threads, results=Path(folder, "results"))
    told = shape if threads is None else {**shape, "threads": threads}
    name = f"perceptron.fastest({', '.join(f'{key}={value}' for key, value in told.items())})"
    claims = list(_of_advice(to_builtins(advice)))
    return [asked, Asked(question=name, claims=claims, contended=None)]


def _command(*words: str, folder: str) -> Asked:
    """Type a command of ours with ``--json``; return what it decided.

    That is nothing where there was no time to measure anything.
    """
    try:
        claims = list(claims_of(words[0], typed(*words, folder=folder)))
    except UserError as error:
        if "nothing was measured yet" not in str(error):
            raise
        claims = []
    runs = Path(folder, "results", "runs").glob("*/*/")
    rows = [row for run in runs for row in times(load_run(run, lambda _: None)[2])]
    contended, taken = contended_samples(rows)
    return Asked(
        question=f"perceptron {' '.join(words)}",
        claims=claims,
        contended=contended / taken if taken else None,
    )


def claims_of(command: str, document: dict[str, Any]) -> Iterator[Claim]:
    """Yield what a command's ``--json`` document says is decided."""
    return _READERS[command](document)


def _of_advice(document: dict[str, Any]) -> Iterator[Claim]:
    """Yield the claims of `advise`, or of `fastest`, which looks at no other sizes."""
    best, open_ = document["use"], {*document["unsure"], *document["ties"]}
    for one in document["candidates"]:
        if best and one["seconds"] and one["backend"] not in (best, *open_):
            yield Claim(document["problem"], 0, best, one["backend"])
    for change in document.get("changes", ()):
        yield from _of_crossovers(change)


def _of_crossovers(document: dict[str, Any]) -> Iterator[Claim]:
    for pair in document["crossovers"]:
        names = pair["challenger"], pair["incumbent"]
        for at in pair["ratio_at"]:
            if any(low <= at["size"] <= high for low, high in pair["decided"]):
                faster, slower = names if at["ratio"] < 1 else names[::-1]
                yield Claim(pair["family"], at["size"], faster, slower)


def _of_map(document: dict[str, Any]) -> Iterator[Claim]:
    for cell in document["map"]["cells"]:
        if cell["measured"] and cell["low"] is not None and cell["low"] > 1:
            subject = f"{cell['x']} × {cell['y']}"
            yield Claim(subject, 0, cell["fastest"], cell["second"])


def _of_overhead(document: dict[str, Any]) -> Iterator[Claim]:
    rungs = document["rungs"]
    floor = next((rung["backend"] for rung in rungs if rung["ratio_to_floor"] == 1), None)
    for rung in rungs:
        if floor and rung["ratio_to_floor"] is not None and rung["backend"] != floor:
            yield Claim(document["problem"], 0, floor, rung["backend"])


_READERS = {
    "advise": _of_advice,
    "crossover": _of_crossovers,
    "map": _of_map,
    "overhead": _of_overhead,
}
