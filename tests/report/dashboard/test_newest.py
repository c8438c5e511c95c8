"""Which results pages show: those of this machine first, then the newest of each case."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.answer import Answer, ReadFromFiles
from perceptron.cli import app
from perceptron.machine import machine_name
from perceptron.questions.answering import answer_run, collect
from perceptron.questions.collection import collection_of
from perceptron.records.measurement import Measurement
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.dashboard.answers import link
from perceptron.report.dashboard.write import with_answer, write_site
from tests.made import (
    BENCH,
    LADDER,
    MAP,
    RACE,
    bench_rows,
    everything,
    finding_rows,
    keep,
    keep_race,
    ladder_rows,
    line,
    load_measurements,
    map_rows,
    race_row,
    race_rows,
)
from tests.many import many
from tests.report.reading import data, read, tables, text_of, views


@pytest.mark.parametrize(
    ("name", "last"),
    [
        pytest.param(machine_name(), "2025-01-01T04:00:00Z", id="the host's name, all else newer"),
        pytest.param("mine", "2030-01-01T00:00:00Z", id="another name, which measured last"),
    ],
)
def test_dashboard_opens_on_this_machine(
    name: str, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maps, ladders and races too, of which the other machine's are newer."""
    results = everything(tmp_path / "results")
    at = "2025-01-01T0{}:00:00Z".format
    machine: dict[str, Any] = {"machine": name, "folder": name}
    keep(results, MAP, map_rows(), started=at(1), **machine)
    keep(results, LADDER, ladder_rows(), started=at(2), **machine)
    races = [replace(row, machine=name, when=at(3)) for row in race_rows()]
    keep_race(results, races, started=at(3), **machine)
    keep(results, BENCH, bench_rows(), started=last, **machine)
    monkeypatch.chdir(tmp_path)
    assert not app(["dashboard"], standalone_mode=False)
    for page in ("crossover", "map", "overhead", "race"):
        index = data(tmp_path / "html", page)
        place = [switch["label"] for switch in index["switches"]].index("Machine")
        assert index["views"][0]["is"][place] == name, page


def test_dashboard_race_has_view_per_dtype_and_start(tmp_path: Path) -> None:
    rows = [race_row(seed, dtype=dtype) for seed in range(7) for dtype in ("float32", "float64")]
    keep_race(tmp_path, rows, plan=RACE | {"dtypes": ["float32", "float64"]})
    write_site(tmp_path / "html", collect(tmp_path))
    shown = [setting[-2:] for setting in views(tmp_path / "html", "race")]
    assert shown == [*product(("cold", "warm"), ("float32", "float64"))]


def test_dashboard_draws_newest_and_counts_older(tmp_path: Path) -> None:
    """A case that was last measured earlier is there as well; all rows are among the raw data."""
    old = [replace(row, commit="old", when="2025-01-01T00:00:00Z") for row in line()]
    wide = [replace(row, commit="old", when="2025-01-01T00:00:00Z", dtype="float64") for row in old]
    rows = [*line(), *old, *wide]
    write_site(tmp_path, collection_of(rows))
    drawn = {(setting[4], setting[3].partition(" ")[0]) for setting in views(tmp_path, "crossover")}
    assert drawn == {("float32", "abc"), ("float64", "old")}
    assert {setting[2] for setting in views(tmp_path, "crossover")} == {"box"}, "not several"
    assert "1 older one is in the raw data" in text_of(tmp_path / "crossover.html")
    assert "raw.html" in read(tmp_path / "crossover.html").links
    assert len(tables(tmp_path, "raw")["box"]) == len(rows)


def read_from_files(rows: list[Measurement]) -> ReadFromFiles:
    answer = Answer(question="", query=(), verdicts=())
    return ReadFromFiles(answer=answer, rows=rows, sources=(), warnings=())


def test_dashboard_draws_read_files_first(tmp_path: Path) -> None:
    old = [replace(row, commit="old", when="2025-01-01T00:00:00Z") for row in line()]
    keep(tmp_path / "results", BENCH, [*bench_rows(), *old])
    collection, _ = with_answer(collect(tmp_path / "results"), read_from_files(old))
    write_site(tmp_path / "html", collection)
    commits = [setting[3].partition(" ")[0] for setting in views(tmp_path / "html", "crossover")]
    assert commits[0] == "old"
    assert "abc" in commits


def test_pages_open_on_the_newest_run_that_has_an_answer(tmp_path: Path) -> None:
    """A newer one that measured too little is named, also by the command that measured it."""
    results = tmp_path / "results"
    keep(results, BENCH, bench_rows())
    little = finding_rows(("numpy", 2e-5))[:1]
    run = keep(results, BENCH, little, started="2026-05-01T00:00:00Z")
    collection = collect(results)
    for shown in (collection, with_answer(collection, answer_run(read_run(run)))[0]):
        write_site(tmp_path / "html", shown)
        first = text_of(tmp_path / "html" / "index.html")
        assert "torch-cpu takes 9.29× as long as numpy" in first
        named = "The run of 2026-05-01 00:00 UTC on box measured too little for an answer"
        assert first.count(named) == 1
        assert next(iter(views(tmp_path / "html", "crossover")))[3] == "abc · 2026-01-01"


def test_dashboard_file_has_figure_per_case_and_pair(tmp_path: Path) -> None:
    """The address of an answer leads to its first case."""
    rows = load_measurements(str(many(tmp_path / "times.csv", cases=8, crossing=0.25)))
    collection, address = with_answer(collect(tmp_path / "nowhere"), read_from_files(list(rows)))
    write_site(tmp_path, collection)
    shown = list(views(tmp_path, "crossover"))
    assert {setting[0] for setting in shown} == {f"case-{k:03d}" for k in range(8)}
    ratios = [setting for setting in shown if setting[-1].startswith("ratio")]
    assert len(ratios) == 8 * 6
    switches = [switch["id"] for switch in data(tmp_path, "crossover")["switches"]]
    assert address == link("crossover", tuple(zip(switches[:-1], shown[0][:-1], strict=True)))
