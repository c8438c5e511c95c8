"""One judge: the same times get the same verdict from every question, and its page says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import unescape
from math import exp
from pathlib import Path
from re import sub

import pytest
from msgspec.structs import replace

from perceptron.answer import Decided, Verdict
from perceptron.commands.crossover import FunctionCrossover
from perceptron.questions.answering import answer_run, collect
from perceptron.questions.other_sessions import read_session
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.dashboard.write import write_site
from tests.made import ADVICE, BENCH, LADDER, MAP, RACE, keep, keep_race, measured, race_row
from tests.made_verdicts import ALONE, CASES, Case, rows_of

FIRST = "numpy"


def kept_bench(results: Path, case: Case, started: str) -> None:
    about = {"family": "or-gate", "problem": "or-gate", "size": 4, "iterations": 10_000}
    plan = BENCH | {"families": ["none"], "backends": list(case.backends)}
    keep(results, plan, rows_of(case, **about), started=started)


def kept_overhead(results: Path, case: Case, started: str) -> None:
    about = {"family": "or-gate", "problem": "or-gate", "size": 4, "iterations": 100}
    plan = LADDER | {"removes": dict.fromkeys(case.backends, "something")}
    keep(results, plan, rows_of(case, **about), started=started)


def kept_advise(results: Path, case: Case, started: str) -> None:
    about = {"family": ADVICE["name"], "problem": ADVICE["name"], "size": 6_000, "rows": 6_000}
    about |= {"batch": 64, "optimizer": "adam", "feed": "resident", "outputs": 4}
    plan = ADVICE | {"backends": list(case.backends), "axes": []}
    keep(results, plan, rows_of(case, **about), started=started)


def kept_map(results: Path, case: Case, started: str) -> None:
    cells = [(x, y) for x in (4, 16) for y in (4, 16)]
    about = {"family": "mlp-map", "axes": ("rows", "width")}
    of_cells = [
        row
        for x, y in cells
        for row in rows_of(case, **about, problem=f"mlp-map:{x}x{y}", size=x * y, sizes=(x, y))
    ]
    plan = MAP | {"x_range": [4, 16], "y_range": [4, 16], "points": 2}
    keep(results, plan, of_cells, started=started)


def kept_crossover(results: Path, case: Case, started: str) -> None:
    plan = {"study": "crossover", "families": ["mlp-width"], "iterations": 10_000}
    plan |= {"pairs": [[FIRST, name] for name in case.backends if name != FIRST]}
    sizes = [
        row
        for width in (16, 64, 256)
        for row in rows_of(
            case, family="mlp-width", problem=f"mlp-width:{width}", size=width, axes=("width",)
        )
    ]
    keep(results, plan, sizes, started=started)


def kept_race(results: Path, case: Case, started: str) -> None:
    raced = [
        race_row(seed, name, train=1000 * seconds, import_seconds=0.0, prepare_seconds=0.0)
        for name, times in case.seconds.items()
        for seed, seconds in enumerate(times)
    ]
    waited = [
        replace(
            row,
            **{
                start: replace(
                    getattr(row, start), waited=0.9 if row.backend == case.waited else 0.0
                )
                for start in ("fresh", "resident")
            },
        )
        for row in raced
    ]
    lost = {"status": "skipped", "reason": "not installed", "fresh": None, "resident": None}
    waited += [race_row(0, name, **lost) for name in case.refused]
    plan = RACE | {"backends": list(case.backends)}
    keep_race(results, waited, plan=plan, started=started)


QUESTIONS: dict[str, Callable[[Path, Case, str], None]] = {
    "bench": kept_bench,
    "overhead": kept_overhead,
    "advise": kept_advise,
    "map": kept_map,
    "crossover": kept_crossover,
    "race": kept_race,
}


EVERY = CASES | {"alone": ALONE}


@pytest.mark.parametrize("case", EVERY.values(), ids=EVERY)
def test_verdict_is_equal_in_every_question_and_page(case: Case, tmp_path: Path) -> None:
    for index, keep_run in enumerate(QUESTIONS.values()):
        keep_run(tmp_path / "results", case, f"2026-01-0{index + 1}T00:00:00Z")
    collection = collect(tmp_path / "results")
    assert QUESTIONS.keys() <= collection.studies.keys()
    write_site(tmp_path / "html", collection)
    pages = text_of(tmp_path / "html")
    for question in QUESTIONS:
        (answered,) = collection.studies[question]
        for verdict, expected in zip(
            answered.answer.verdicts, expected_of(question, case), strict=True
        ):
            assert (question, *expected) == (question, verdict.decided, *says(verdict))
            assert "".join(verdict.sentence.split()) in pages, question
    (crossover,) = collection.studies["crossover"]
    assert FunctionCrossover(crossover).at(64).decided == case.decided


@pytest.mark.parametrize("question", QUESTIONS)
def test_verdict_of_contradicting_runs_is_undecided(question: str, tmp_path: Path) -> None:
    other_way = Case(seconds={"numpy": (3e-3,) * 7, "numba": (1.5e-3,) * 7}, decided="yes")
    for day, case in enumerate((CASES["apart"], other_way), 1):
        QUESTIONS[question](tmp_path, case, f"2026-01-0{day}T00:00:00Z")
    each = [run.parent for run in sorted(tmp_path.glob("runs/box/*/run.json"))]
    for alone in each:
        for verdict in answer_run(read_run(alone)).answer.verdicts:
            assert (verdict.decided, "of one run" in verdict.heading) == ("yes", True)
    (shown,) = collect(tmp_path).studies[question]
    for answered in (shown, answer_run(read_session(each[1]))):
        for verdict in answered.answer.verdicts:
            assert (verdict.decided, "span 2 sessions" in verdict.heading) == ("no", True)


@pytest.mark.parametrize("third", [(), ("torch-cpu",)], ids=["two", "three"])
def test_ranking_at_a_size_holds_for_all_candidates(third: tuple[str, ...], tmp_path: Path) -> None:
    """What is just decided of a pair at one of its sizes is open beside a third candidate."""
    plan = {"study": "crossover", "families": ["mlp-width"], "iterations": 10_000}
    names = (FIRST, "numba", *third)
    rows = [
        measured(
            family="mlp-width",
            problem=f"mlp-width:{width}",
            axes=("width",),
            size=width,
            backend=name,
            repeat=repeat,
            seconds=seconds,
        )
        for width, lead in ((16, 2.0), (64, 0.22), (256, 2.0))
        for repeat, part in enumerate((-1.0, 0.6, -0.2, 1.0, -0.6, 0.2, -0.8, 0.8))
        for name, seconds in zip(names, (1.0, exp(lead + 0.2 * part), 100.0), strict=False)
    ]
    keep(tmp_path, plan | {"pairs": [[FIRST, name] for name in names[1:]]}, rows)
    (answered,) = collect(tmp_path).studies["crossover"]
    crossover = FunctionCrossover(answered)
    ranges = crossover.pair(FIRST, "numba").decided_ranges
    assert any(low <= 64 <= high for low, high in ranges)
    assert crossover.at(64).decided == ("partly" if third else "yes")


def expected_of(question: str, case: Case) -> Iterator[tuple[Decided, bool]]:
    """Yield of each verdict whether it is decided, and whether it is a tie."""
    if question == "crossover":  # a verdict a pair
        yield from [(case.decided, name in case.ties) for name in case.backends if name != FIRST]
    elif question == "race":  # from a cold start, and warm
        yield from [(case.decided, bool(case.ties))] * 2
    elif question == "advise" and case is ALONE:  # the only one able is the one to use
        yield "yes", False
    else:
        yield case.decided, bool(case.ties)


def says(verdict: Verdict) -> tuple[bool]:
    """Return whether a verdict calls some of its backends a tie."""
    return (" tie" in verdict.sentence,)


def text_of(html: Path) -> str:
    """Return the words of all pages and of what their scripts load, without markup and spaces."""
    files = [*sorted(html.glob("*.html")), *sorted((html / "data").rglob("*.js"))]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    characters = sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)
    return "".join(unescape(sub(r"<[^>]+>", "", characters)).split())
