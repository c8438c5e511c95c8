"""Which sweeps are drawn, and where the others are."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from perceptron.analysis.crossover.result import crossover_result
from perceptron.analysis.stored.collection import collect, collection_of
from perceptron.records.readers.table import load_measurements
from perceptron.report.dashboard.answer import sweep_address, with_crossovers
from perceptron.report.dashboard.view import link
from perceptron.report.dashboard.write import write_site
from tests.made import BENCH, bench_rows, keep, keep_race, line, race_rows
from tests.many import many
from tests.report.reading import data, read, tables, text_of, views


def test_the_newest_of_each_case_is_drawn_and_the_older_ones_counted(tmp_path: Path) -> None:
    """A case that was last measured earlier is there as well; all rows are among the raw data."""
    old = [replace(row, commit="old", when="2025-01-01T00:00:00Z") for row in line()]
    wide = [replace(row, commit="old", when="2025-01-01T00:00:00Z", dtype="float64") for row in old]
    rows = [*line(), *old, *wide]
    write_site(tmp_path, collection_of(rows))
    drawn = {(setting[3], setting[2].partition(" ")[0]) for setting in views(tmp_path, "sweeps")}
    assert drawn == {("float32", "abc"), ("float64", "old")}
    assert "1 older one is in the raw data" in text_of(tmp_path / "sweeps.html")
    assert "raw.html" in read(tmp_path / "sweeps.html").links
    assert len(tables(tmp_path, "raw")["box"]) == len(rows)


def test_an_older_race_is_counted(tmp_path: Path) -> None:
    for day in "123":
        keep_race(tmp_path / "results", race_rows(), started=f"2026-01-0{day}T00:00:00Z")
    write_site(tmp_path / "html", collect(tmp_path / "results"))
    assert "2 older ones are in the raw data" in text_of(tmp_path / "html" / "race.html")
    assert "older" not in text_of(tmp_path / "html" / "map.html")


def test_what_was_asked_for_is_drawn_first_although_it_is_older(tmp_path: Path) -> None:
    old = [replace(row, commit="old", when="2025-01-01T00:00:00Z") for row in line()]
    keep(tmp_path / "results", BENCH, [*bench_rows(), *old])
    result = replace(crossover_result(old, None, 1000), results=tmp_path / "results")
    collection = with_crossovers(collect(tmp_path / "results"), result)
    write_site(tmp_path / "html", collection, None, result)
    commits = [setting[2].partition(" ")[0] for setting in views(tmp_path / "html", "sweeps")]
    assert commits[0] == "old"
    assert "abc" in commits


def test_every_case_and_pair_of_a_file_has_its_figure(tmp_path: Path) -> None:
    """The address of an answer leads to its first case with a crossover."""
    rows = load_measurements(str(many(tmp_path / "times.csv", cases=64, crossing=0.25)))
    result = crossover_result(rows, None, 1000)
    collection = collection_of(rows)
    write_site(tmp_path, collection, None, result)
    shown = list(views(tmp_path, "sweeps"))
    assert {setting[0] for setting in shown} == {f"case-{k:03d}" for k in range(64)}
    ratios = [setting for setting in shown if setting[-1].startswith("ratio")]
    assert len(ratios) == 64 * 6
    switches = [switch["id"] for switch in data(tmp_path, "sweeps")["switches"]]
    drawn = [setting for setting in shown if setting[0] == "case-048"]
    address = sweep_address(collection, result)
    assert address in {link("sweeps", switches[:-1], setting[:-1]) for setting in drawn}
