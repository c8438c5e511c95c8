from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perceptron.analysis.stored.collection import collect
from perceptron.report.dashboard.machines import SIDE_BY_SIDE
from perceptron.report.dashboard.write import write_site
from tests.made_fleet import made_fleet
from tests.report.reading import tables, text_of

Row = dict[str, Any]


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    collection = collect(made_fleet(folder / "results", machines=SIDE_BY_SIDE + 2))
    write_site(folder / "html", collection)
    return folder / "html"


def question(html: Path, begins: str) -> list[Row]:
    (name,) = (name for name in tables(html, "machines") if name.startswith(begins))
    return tables(html, "machines")[name]


def test_the_table_of_all_has_a_row_for_each_machine_and_a_column_for_each_question(
    html: Path,
) -> None:
    rows = {row["machine"]: row for row in question(html, "the fastest backend")}
    assert len(rows) == SIDE_BY_SIDE + 2
    row = rows["epyc-64"]
    assert row["family: mlp-width"] == "numpy at 4 to 64; torch-cpu at 256 to 1,024"
    assert row["finding"] == "numpy"
    assert row["finding_time"].startswith("70.7 [69.")


def test_a_family_lists_the_machines_of_one_size_with_the_fastest_first(html: Path) -> None:
    rows = question(html, "mlp-width, at each size")
    assert [row["size"] for row in rows] == sorted(row["size"] for row in rows)
    small = [row for row in rows if row["size"] == 4]
    assert small[0]["machine"] == "epyc-64"
    assert [row["seconds"] for row in small] == sorted(row["seconds"] for row in small)


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


def test_more_machines_than_columns_are_a_question(html: Path) -> None:
    """All of them; the newest have a column each."""
    rows = question(html, "what each machine is")
    assert len(rows) == SIDE_BY_SIDE + 2
    assert {row["processor"].split(",")[0] for row in rows} >= {"Abacus 3000", "Abacus 3013"}
    text = text_of(html / "machines.html")
    assert f"The {SIDE_BY_SIDE} machines with the newest results stand side by side" in text
