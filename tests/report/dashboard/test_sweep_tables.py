"""The views of a sweep: their tables, and how each was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.questions.collection import collection_of
from perceptron.questions.crossover.figures import ITERATION, OF_ONE_MODEL
from perceptron.records.measurement import Measurement
from perceptron.report.charts.palette import strokes
from perceptron.report.dashboard.answers import views_of
from perceptron.report.dashboard.write import write_site
from tests.made import line, many_rows, on_gpu
from tests.report.reading import tables, views


def tables_of(rows: list[Measurement]) -> dict[str, dict[str, Any]]:
    """The tables of the page by their titles, all ways of showing the rows together."""
    shown = collection_of(rows).views("crossover")
    views = views_of("crossover", shown, strokes({row.backend for row in rows}))
    shown = [view for file in views.files.values() for view in file.values()]
    return {table["title"]: table for view in shown for table in view["tables"]}


def times_of(rows: list[Measurement]) -> dict[str, Any]:
    return next(table for title, table in tables_of(rows).items() if ": time per" in title)


def test_intervals_that_files_state_are_called_what_they_are() -> None:
    """Of 99%, in the titles of tables; of several repeats they are ours, and of 95%."""
    stated = [
        replace(row, source="asv", file="a.json", low=row.seconds * 0.9, high=row.seconds * 1.1)
        for row in line(processes=1)
        if row.seconds is not None
    ]
    both = "95% interval; of one repeat the 99% stated"
    for rows, kind in ((stated, both), (line(), "95% interval")):
        tables = tables_of(rows)
        assert f"mlp-width: time per iteration [{kind}]" in tables
        ratios = tables["mlp-width: time of torch-cpu over numpy"]
        assert [column["name"] for column in ratios["columns"]][1] == f"ratio [{kind}]"


def test_sweep_table_missing_size_is_not_measured() -> None:
    rows = [row for row in line() if (row.backend, row.size) != ("torch-cpu", 4)]
    first, *others = times_of(rows)["rows"]
    assert first[0] == "4"
    assert first[2] == "not measured"
    assert all("not measured" not in row for row in others)


def test_many_models_have_a_figure_of_one_and_are_told_in_models(tmp_path: Path) -> None:
    """What they take divided by their number, in a view of its own and in the raw data."""
    write_site(tmp_path, collection_of(many_rows()))
    shown = {setting[-1]: view for setting, view in views(tmp_path, "crossover").items()}
    assert list(shown)[:2] == [ITERATION, OF_ONE_MODEL]
    units = []
    for name in (ITERATION, OF_ONE_MODEL):
        size, *times = shown[name]["tables"][0]["rows"][-1]
        assert size == "1,024"
        units.append({time.rpartition(" ")[2] for time in times})
    assert units == [{"ms", "µs"}, {"µs", "ns"}]
    assert any(" models [" in line for line in shown[ITERATION]["lines"])
    for rows in tables(tmp_path, "raw").values():
        for row in rows:
            expected = None if row["models"] == 1 else row["seconds"] / row["models"]
            assert row["model_seconds"] == (expected and pytest.approx(expected, rel=1e-5))


def test_sweep_table_cold_start_has_no_device_share(tmp_path: Path) -> None:
    """The device's time is that of a step."""
    rows = [
        on_gpu(replace(row, rows=512, batch=int(row.size), axes=("batch",)), 0.5)
        for row in line("mlp-batch", prepare=0.5)
        if row.backend == "numpy"
    ]
    write_site(tmp_path, collection_of(rows))
    shown = {at[-1].partition(",")[0]: view for at, view in views(tmp_path, "crossover").items()}
    busy = {at: "Device busy" in str(view["tables"]) for at, view in shown.items()}
    assert busy == {ITERATION: True, "cold start": False}
