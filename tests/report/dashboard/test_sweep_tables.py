from __future__ import annotations

from msgspec.structs import replace

from perceptron.analysis.stored.collection import collection_of
from perceptron.records.measurement import Measurement
from perceptron.report.charts import plot
from perceptron.report.charts.palette import strokes
from perceptron.report.dashboard.sweeps import sweep_views
from perceptron.report.dashboard.view import ViewTable
from tests.made import line


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


def test_a_backend_alone_is_compared_with_none() -> None:
    """No table without rows."""
    assert "Who is faster" not in tables_of(line(backends=("numpy",)))
    assert tables_of(line())["Who is faster"].rows
