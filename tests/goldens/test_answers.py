"""Every study tells the same of the same rows: in its JSON, in a terminal and on its page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from syrupy.assertion import SnapshotAssertion

from perceptron.records.measurement import Measurement
from tests.goldens import answers
from tests.goldens.conftest import Type
from tests.goldens.rows import (
    MODELS,
    PROCESSES,
    STATUSES,
    backends,
    keep_bench,
    keep_fleet,
    keep_search,
    not_measured,
    over_models,
    over_processes,
    suspect,
)
from tests.goldens.shown import document, golden, text_of, timeless, views
from tests.made import (
    ADVICE,
    FACTS,
    GPU_LADDER,
    MAP,
    TIRED,
    advice_rows,
    diagnosed,
    gpu_ladder_rows,
    keep,
    keep_race,
    map_rows,
    race_rows,
)

# Of a sweep's views. The others show the same crossover over times.
_RATIO = ("ratio",)


def searched(
    typed: Type, folder: Path, source: str = "results", last: tuple[str, ...] = _RATIO
) -> str:
    """Return all that a search for crossovers tells of rows that are there."""
    asked = ("crossover", "--from", source)
    text = typed(*asked, "--html", "html")
    page = views(folder / "html", "sweeps", *last)
    return golden(folder, terminal=text, json=typed(*asked, "--json"), page=page)


def told(study: str, run: Path, typed: Type, page: str, **more: str) -> str:
    """Return all that the command of a study tells of a run, and its page of the dashboard."""
    printed, text = answers.answer_of(study, run)
    folder = run.parents[3]
    typed("dashboard", "--json")
    html = folder / "html"
    shown = (
        text_of(html / "index.html")
        if page == "index"
        else views(html, page, *(_RATIO if page == "sweeps" else ()))
    )
    return golden(folder, terminal=text, json=document(printed), page=shown, **more)


SEARCHES = {status: backends(status) for status in STATUSES} | {
    "suspect": suspect(),
    "not-measured": not_measured(),
}


@pytest.mark.parametrize("status", SEARCHES)
def test_crossover(
    status: str, results: Path, typed: Type, tmp_path: Path, golden_file: SnapshotAssertion
) -> None:
    keep_search(results, SEARCHES[status])
    last = ("time per iteration", *_RATIO) if status == "crosses" else _RATIO
    assert searched(typed, tmp_path, last=last) == golden_file


def test_crossover_from_cold(
    results: Path, typed: Type, tmp_path: Path, golden_file: SnapshotAssertion
) -> None:
    """One that takes half a second to prepare pays for it, later or never."""
    slow_start = {"numpy": 0.001, "torch-cpu": 0.5}
    rows = [row for row in backends("crosses") if row.size > 16]
    rows = [replace(row, prepare_seconds=slow_start[row.backend]) for row in rows]
    keep_search(results, rows)
    assert searched(typed, tmp_path, last=("from cold",)) == golden_file


@pytest.mark.parametrize(
    ("rows", "pair"),
    [
        pytest.param(over_processes, PROCESSES, id="processes"),
        pytest.param(over_models, MODELS, id="models"),
    ],
)
def test_crossover_over(
    rows: Callable[..., list[Measurement]],
    pair: tuple[str, str],
    results: Path,
    typed: Type,
    tmp_path: Path,
    golden_file: SnapshotAssertion,
) -> None:
    """One search in full, and what a terminal shows of every status."""
    every = [row for status in STATUSES for row in rows(status, family=status)]
    keep_search(tmp_path / "every", every)
    table, *_ = typed("crossover", "--from", "every", "--html", "").split("\n\n")
    run = keep_search(results, rows("crosses"), pair)
    assert told("crossover", run, typed, "sweeps", every=table) == golden_file


def test_from_csv(typed: Type, tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    lines = [
        f"sort,{row.size},{row.backend},{row.seconds!r}"
        for row in backends("crosses", ("list", "array"))
    ]
    (tmp_path / "times.csv").write_text("\n".join(["case,size,backend,seconds", *lines]))
    assert searched(typed, tmp_path, source="times.csv") == golden_file


def test_bench(results: Path, typed: Type, golden_file: SnapshotAssertion) -> None:
    assert told("bench", keep_bench(results), typed, "index") == golden_file


def test_map(results: Path, typed: Type, golden_file: SnapshotAssertion) -> None:
    assert told("map", keep(results, MAP, map_rows()), typed, "map") == golden_file


def test_overhead(results: Path, typed: Type, golden_file: SnapshotAssertion) -> None:
    run = keep(results, GPU_LADDER, gpu_ladder_rows())
    assert told("overhead", run, typed, "ladder") == golden_file


def test_race(results: Path, typed: Type, golden_file: SnapshotAssertion) -> None:
    assert told("race", keep_race(results, race_rows()), typed, "race") == golden_file


def test_advise(results: Path, typed: Type, golden_file: SnapshotAssertion) -> None:
    assert told("advise", keep(results, ADVICE, advice_rows()), typed, "index") == golden_file


def test_walkthrough(typed: Type, tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    asked = ("walkthrough", "or-gate", "--backend", "numpy")
    shown = golden(tmp_path, terminal=typed(*asked), json=typed(*asked, "--json"))
    assert timeless(shown) == golden_file


def test_walkthrough_digits(typed: Type, tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    asked = ("walkthrough", "digits", "--backend", "numpy")
    shown = golden(tmp_path, terminal=typed(*asked), json=typed(*asked, "--json"))
    assert timeless(shown) == golden_file


def test_doctor(tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    printed, text = answers.doctor(diagnosed(FACTS, TIRED))
    assert golden(tmp_path, terminal=text, json=document(printed)) == golden_file


def test_fleet(results: Path, typed: Type, tmp_path: Path, golden_file: SnapshotAssertion) -> None:
    """A fleet of three: one is done, one was refused, one runs on another host."""
    keep_fleet(results)
    for name in ("abacus-1", "abacus-2"):
        keep_bench(tmp_path / "copied", machine=name, folder=name)
    collect = ("fleet", "collect", "copied")
    shown = golden(
        tmp_path,
        status=typed("fleet", "status"),
        status_json=typed("fleet", "status", "--json"),
        collect=typed(*collect, "--html", "html"),
        collect_json=typed(*collect, "--json"),
        page=text_of(tmp_path / "html" / "machines.html"),
    )
    assert shown == golden_file
