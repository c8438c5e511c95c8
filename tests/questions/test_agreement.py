"""One judge: the same times get the same verdict from every question, and its page says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import unescape
from math import exp
from pathlib import Path
from re import sub
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from perceptron.answer import Decided, Verdict
from perceptron.questions.answering import collect
from perceptron.records.measurement import Measurement
from perceptron.report.dashboard.write import write_site
from tests.made import ADVICE, BENCH, LADDER, MAP, RACE, keep, keep_race, measured, race_row

FIRST, SECOND, THIRD = "numpy", "torch-cpu", "numba"
EXACT = (0.0,) * 6
NOISY = (-0.5, 0.4, 0.05, -0.4, 0.5, -0.05)


class Case(NamedTuple):
    """The repeats of each backend, in seconds, and what every question must say of them."""

    times: Mapping[str, Sequence[float]]
    decided: Decided
    ties: tuple[str, ...] = ()
    slower: tuple[str, ...] = ()
    waited: Mapping[str, float] = {}


def of(seconds: float, spread: Sequence[float] = EXACT) -> list[float]:
    return [seconds * exp(part) for part in spread]


CASES = {
    "tie": Case({FIRST: of(200e-6), SECOND: of(204e-6)}, "yes", ties=(SECOND,)),
    "apart": Case({FIRST: of(200e-6), SECOND: of(300e-6)}, "yes", slower=(SECOND,)),
    "noisy": Case({FIRST: of(200e-6), SECOND: of(210e-6, NOISY)}, "no"),
    "one repeat": Case({FIRST: of(200e-6, [0.0]), SECOND: of(300e-6, [0.0])}, "no"),
    "one side contended": Case(
        {FIRST: of(200e-6), SECOND: of(900e-6)}, "no", waited={SECOND: 0.8}
    ),
    "two of three tie": Case(
        {FIRST: of(200e-6), SECOND: of(204e-6), THIRD: of(300e-6)},
        "yes",
        ties=(SECOND,),
        slower=(THIRD,),
    ),
}


def rows(case: Case, **about: Any) -> list[Measurement]:
    return [
        measured(
            backend=name,
            repeat=repeat,
            seconds=seconds,
            samples=[seconds],
            waited=case.waited.get(name, 0.0),
            **about,
        )
        for name, times in case.times.items()
        for repeat, seconds in enumerate(times)
    ]


def kept_bench(results: Path, case: Case) -> None:
    about = {"family": "or-gate", "problem": "or-gate", "size": 4, "iterations": 10_000}
    keep(results, BENCH | {"families": ["none"], "backends": list(case.times)}, rows(case, **about))


def kept_overhead(results: Path, case: Case) -> None:
    about = {"family": "or-gate", "problem": "or-gate", "size": 4, "iterations": 100}
    plan = LADDER | {"removes": dict.fromkeys(case.times, "something")}
    keep(results, plan, rows(case, **about))


def kept_advise(results: Path, case: Case) -> None:
    about = {"family": ADVICE["name"], "problem": ADVICE["name"], "size": 6_000, "rows": 6_000}
    about |= {"batch": 64, "optimizer": "adam", "feed": "resident", "outputs": 4}
    plan = ADVICE | {"backends": list(case.times), "axes": []}
    keep(results, plan, rows(case, **about))


def kept_map(results: Path, case: Case) -> None:
    cells = [(x, y) for x in (4, 16) for y in (4, 16)]
    about = {"family": "mlp-map", "axes": ("rows", "width")}
    of_cells = [
        row
        for x, y in cells
        for row in rows(case, **about, problem=f"mlp-map:{x}x{y}", size=x * y, sizes=(x, y))
    ]
    keep(results, MAP | {"x_range": [4, 16], "y_range": [4, 16], "points": 2}, of_cells)


def kept_crossover(results: Path, case: Case) -> None:
    plan = {"study": "crossover", "families": ["mlp-width"], "iterations": 10_000}
    plan |= {"pairs": [[FIRST, name] for name in case.times if name != FIRST]}
    sizes = [
        row
        for width in (16, 64, 256)
        for row in rows(
            case, family="mlp-width", problem=f"mlp-width:{width}", size=width, axes=("width",)
        )
    ]
    keep(results, plan, sizes)


def kept_race(results: Path, case: Case) -> None:
    raced = [
        race_row(seed, name, train=1000 * seconds, import_seconds=0.0, prepare_seconds=0.0)
        for name, times in case.times.items()
        for seed, seconds in enumerate(times)
    ]
    waited = [
        replace(
            row,
            **{
                start: replace(getattr(row, start), waited=case.waited.get(row.backend, 0.0))
                for start in ("fresh", "resident")
            },
        )
        for row in raced
    ]
    keep_race(results, waited, plan=RACE | {"backends": list(case.times)})


QUESTIONS: dict[str, Callable[[Path, Case], None]] = {
    "bench": kept_bench,
    "overhead": kept_overhead,
    "advise": kept_advise,
    "map": kept_map,
    "crossover": kept_crossover,
    "race": kept_race,
}
