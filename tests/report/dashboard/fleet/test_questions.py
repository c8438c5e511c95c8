from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perceptron.analysis.stored.collection import collect
from perceptron.records.prices import Prices
from perceptron.report.dashboard.machines import SIDE_BY_SIDE
from perceptron.report.dashboard.write import write_site
from tests.hostile import NAMES, hostile
from tests.made_fleet import made_fleet
from tests.report.reading import data, read, rows_of, text_of

PRICES = Prices(currency="USD", per_hour={"epyc-*": 3.6, "nobody": 1.0})
Row = dict[str, Any]


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    collection = collect(made_fleet(folder / "results", machines=SIDE_BY_SIDE + 2))
    write_site(folder / "html", collection, prices=PRICES)
    write_site(folder / "free", collection)
    return folder / "html"


def question(html: Path, begins: str) -> list[Row]:
    index = data(html, "machines")
    (part,) = (part for part in index["parts"] if part["label"].startswith(begins))
    columns = index["tables"][part["table"]]["columns"]
    ids = [column["id"] for column in columns]
    assert len(set(ids)) == len(ids)
    # Numbers in words are ordered by a column that is there.
    assert all(column["by"] in ids for column in columns if column["kind"] == "interval")
    return [dict(zip(ids, row, strict=True)) for row in rows_of(html, part["file"])]


def test_the_table_of_all_has_a_row_for_each_machine_and_a_column_for_each_question(
    html: Path,
) -> None:
    rows = {row["machine"]: row for row in question(html, "the fastest backend")}
    assert len(rows) == SIDE_BY_SIDE + 2
    row = rows["epyc-64"]
    assert row["family: mlp-width"] == "numpy at 4 to 64; torch-cpu at 256 to 1,024"
    assert row["finding"] == "numpy"
    assert row["finding_time"].startswith("70.7 [69.")
    assert row["per_hour"] == 3.6
    assert rows["laptop"]["per_hour"] is None


def test_a_family_lists_the_machines_of_one_size_with_the_fastest_first(html: Path) -> None:
    rows = question(html, "mlp-width, at each size")
    assert [row["size"] for row in rows] == sorted(row["size"] for row in rows)
    small = [row for row in rows if row["size"] == 4]
    assert small[0]["machine"] == "epyc-64"
    assert [row["seconds"] for row in small] == sorted(row["seconds"] for row in small)
    # A thousandth of the seconds: 3.60 an hour.
    assert small[0]["cost_number"] == pytest.approx(10_000 * small[0]["seconds"] / 1000, rel=1e-4)
    assert "[" in small[0]["cost"]


def test_crossovers_and_the_finding_have_their_rows(html: Path) -> None:
    (width,) = (
        row
        for row in question(html, "crossovers")
        if (row["machine"], row["family"]) == ("laptop", "mlp-width")
    )
    assert width["pair"] == "numpy → torch-cpu"
    assert width["answer"].startswith("torch-cpu from ")
    assert width["size"] == pytest.approx(200, rel=0.1)
    places = {
        row["backend"]: row["place"]
        for row in question(html, "the finding")
        if row["machine"] == "laptop"
    }
    assert places == {
        "numpy-published": None,
        "numpy": "fastest",
        "torch-cpu": None,
        "torch-cuda": None,
    }


def test_without_prices_nothing_speaks_of_money(html: Path) -> None:
    free = html.parent / "free"
    assert "cost" not in question(free, "mlp-width")[0]
    assert "per_hour" not in question(free, "the fastest backend")[0]
    assert "No price" not in text_of(free / "machines.html")


def test_prices_of_nobody_and_machines_without_one_are_told(html: Path) -> None:
    text = text_of(html / "machines.html")
    assert "no machine is called 'nobody'" in text
    assert "No price for build-server-in-the-cellar, graviton-16, h100-a" in text
    assert "and 7 more" in text


def test_more_machines_than_columns_are_a_question(html: Path) -> None:
    """All of them; the newest have a column each."""
    rows = question(html, "what each machine is")
    assert len(rows) == SIDE_BY_SIDE + 2
    assert {row["processor"].split(",")[0] for row in rows} >= {"Abacus 3000", "Abacus 3013"}
    text = text_of(html / "machines.html")
    assert f"The {SIDE_BY_SIDE} machines with the newest results stand side by side" in text


def test_hostile_names_are_data_here_as_well(tmp_path: Path) -> None:
    """As rows, as headings of families, and in the notes about prices."""
    prices = Prices(currency="USD", per_hour=dict.fromkeys(filter(None, NAMES[:4]), 1.0))
    prices.per_hour["<script>alert(9)</script>"] = 1.0
    write_site(tmp_path / "html", collect(hostile(tmp_path / "results")), prices=prices)
    page = read(tmp_path / "html" / "machines.html")
    assert page.handlers == []
    assert page.scripts == sum(link.endswith(".js") for link in page.links)
    rows = question(tmp_path / "html", "the fastest backend")
    names = {row["machine"] for row in rows}
    assert max(map(len, names)) <= 80
    assert "<script>alert(1)</script>" in names
