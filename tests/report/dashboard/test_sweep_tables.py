from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from perceptron.analysis.stored.collection import collection_of
from perceptron.records.measurement import Measurement
from perceptron.records.readers.table import load_measurements
from perceptron.report.charts import plot
from perceptron.report.charts.palette import strokes
from perceptron.report.dashboard.sweeps import sweep_views
from perceptron.report.dashboard.view import ViewTable
from tests.made import line
from tests.many import many


def tables_of(rows: list[Measurement]) -> dict[str, ViewTable]:
    """The tables of the page of sweeps by their titles, all ways of showing the rows together."""
    views = sweep_views(collection_of(rows), plot.looks(strokes({row.backend for row in rows})))
    shown = [view for file in views.files.values() for view in file.values()]
    return {table.title: table for view in shown for table in view.tables}


def times_of(rows: list[Measurement]) -> ViewTable:
    return next(one for title, one in tables_of(rows).items() if title.startswith("time"))


def test_intervals_that_files_state_are_called_what_they_are() -> None:
    """Of 99 %, in the titles of tables; of several processes they are ours, and of 95 %."""
    stated = [
        replace(row, source="asv", file="a.json", low=row.seconds * 0.9, high=row.seconds * 1.1)
        for row in line(processes=1)
        if row.seconds is not None
    ]
    both = "95 % interval; of one process the 99 % stated"
    for rows, kind in ((stated, both), (line(), "95 % interval")):
        tables = tables_of(rows)
        assert f"time per iteration [{kind}]" in tables
        ratios = tables["mlp-width: time of torch-cpu over numpy"]
        assert [column.name for column in ratios.columns][1] == f"ratio [{kind}]"


def test_a_size_that_a_backend_lacks_is_not_measured() -> None:
    rows = [row for row in line() if (row.backend, row.size) != ("torch-cpu", 4)]
    first, *others = times_of(rows).rows
    assert first[0] == "4"
    assert first[2] == "not measured"
    assert all("not measured" not in row for row in others)


def test_disturbed_samples_stand_beside_the_times_of_their_size(tmp_path: Path) -> None:
    """Only where there are any: other tables stay as they are."""
    rows = load_measurements(str(many(tmp_path / "times.csv", cases=1)))
    size = min(row.size for row in rows)
    marked = [
        replace(row, waited=0.0, disturbed=int(row.size == size), samples=[1e-3] * 3)
        for row in rows
    ]
    plain, shown = times_of(rows), times_of(marked)
    assert all(column.name != "disturbed" for column in plain.columns)
    assert shown.columns[-1].name == "disturbed"
    cells = [row[-1] for row in shown.rows]
    assert cells == ["25 % of samples", *["0 % of samples"] * (len(cells) - 1)]


def test_a_backend_alone_is_compared_with_none() -> None:
    """No table without rows."""
    assert "Who is faster" not in tables_of(line(backends=("numpy",)))
    assert tables_of(line())["Who is faster"].rows
