"""Pages of rows that were trained in several ways, in batches among them."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.analysis.stored.collection import collect, collection_of
from perceptron.analysis.stored.sweep import sweeps
from perceptron.report.charts.sweep import ITERATION, OF_ONE_MODEL, sweep_figure
from perceptron.report.dashboard.write import write_site
from tests.made import BENCH, MAP, bench_rows, keep, line, many_rows, map_rows
from tests.report.reading import tables, text_of, views

SGD = {"optimizer": "sgd", "feed": "resident", "outputs": 1, "rows": 512}


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One family by Adam and by plain descent in one run, and one along the batch."""
    plain = [replace(row, **SGD) for row in bench_rows()]
    adam = [replace(row, **SGD | {"optimizer": "adam"}) for row in line()]
    along = [
        replace(row, **SGD | {"optimizer": "adam"}, batch=int(row.size), axes=("batch",))
        for row in line("mlp-batch")
    ]
    results, html = tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("html")
    keep(results, BENCH, [*plain, *adam, *along])
    mapped = [
        replace(row, **SGD | {"optimizer": "adam"}, batch=row.sizes[0], axes=("batch", "width"))
        for row in map_rows("batch-width")
        if row.sizes is not None
    ]
    plan = MAP | {"family": "batch-width", "axes": ["batch", "width"]}
    keep(results, plan, mapped, started="2026-01-02T00:00:00Z")
    write_site(html, collect(results))
    return html


def test_each_training_is_a_setting_of_the_sweeps(html: Path) -> None:
    settings = {(shown[0], shown[5]) for shown in views(html, "sweeps")}
    assert settings == {("mlp-width", "sgd"), ("mlp-width", "adam"), ("mlp-batch", "adam")}


def test_rates_stand_beside_times_of_batches_only(html: Path) -> None:
    """In the table and where one points at a time."""
    shown = {of[0]: view for of, view in views(html, "sweeps").items() if "iteration" in of[6]}
    title = "Rows trained on per second, time of an epoch"
    titles = {family: [t["title"] for t in view["tables"]] for family, view in shown.items()}
    assert title in titles["mlp-batch"]
    assert title not in titles["mlp-width"]
    (rates,) = [table for table in shown["mlp-batch"]["tables"] if table["title"] == title]
    assert [row[0] for row in rates["rows"]] == ["4", "16", "64", "256"]
    assert all("rows/s, " in cell for row in rates["rows"] for cell in row[1:])
    traces = shown["mlp-batch"]["figures"][0]["data"]
    texts = [text for trace in traces for text in trace.get("text", []) if "batch 16" in text]
    assert texts
    assert all("rows/s" in text and "per epoch" in text for text in texts)


def test_an_answer_along_the_batch_says_so(html: Path) -> None:
    view = next(view for of, view in views(html, "sweeps").items() if of[0] == "mlp-batch")
    who = next(table for table in view["tables"] if table["title"] == "Who is faster")
    assert who["rows"][0][2].endswith("adam")
    assert "torch-cpu from a batch of " in who["rows"][0][4]


def test_raw_data_has_columns_of_it(html: Path) -> None:
    rows = [row for rows in tables(html, "raw").values() for row in rows]
    along = [row for row in rows if row["family"] == "mlp-batch"]
    assert {(row["optimizer"], row["feed"], row["outputs"]) for row in along} == {
        ("adam", "resident", 1)
    }
    for row in along:
        assert row["batch"] == row["size"]
        assert row["rows_per_second"] == pytest.approx(row["batch"] / row["seconds"], rel=1e-5)
        assert row["epoch_seconds"] == pytest.approx(row["seconds"] * 512 / row["batch"], rel=1e-5)
    assert {row["rows_per_second"] for row in rows if row["batch"] is None} == {None}


def test_many_models_have_a_figure_of_one_and_are_told_in_models(tmp_path: Path) -> None:
    """What they take divided by their number, in a view of its own and in the raw data."""
    write_site(tmp_path, collection_of(many_rows()))
    shown = {setting[-1]: view for setting, view in views(tmp_path, "sweeps").items()}
    assert list(shown)[:2] == [ITERATION, OF_ONE_MODEL]
    units = []
    for name in (ITERATION, OF_ONE_MODEL):
        size, *times = shown[name]["tables"][1]["rows"][-1]
        assert size == "1,024"
        units.append({time.rpartition(" ")[2] for time in times})
    assert units == [{"ms", "µs"}, {"µs", "ns"}]
    who = next(table for table in shown[ITERATION]["tables"] if table["title"] == "Who is faster")
    assert any("] models up" in row[4] for row in who["rows"])
    for rows in tables(tmp_path, "raw").values():
        for row in rows:
            each = None if row["models"] == 1 else row["seconds"] / row["models"]
            assert row["model_seconds"] == (each and pytest.approx(each, rel=1e-5))


def test_a_map_says_how_it_was_trained(html: Path) -> None:
    """Along the batch there is no one batch to name."""
    (view,) = views(html, "map").values()
    assert any(", float32, adam; " in line for line in view["lines"])


def test_single_values_are_said_to_have_no_interval() -> None:
    (sweep,) = sweeps(line(processes=1))
    figure = sweep_figure(sweep.curves, [], "width")
    assert figure is not None
    assert "Single values have no interval" in figure.caption


def test_the_overview_has_a_line_for_each(html: Path) -> None:
    shown = text_of(html / "index.html")
    for name in ("mlp-width width", "mlp-width (adam) width", "mlp-batch (adam) batch"):
        assert name in shown
