"""The page of sweeps where there are more of them, or of their pairs, than anybody looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perceptron.analysis.crossover.result import crossover_result
from perceptron.analysis.stored.collection import Collection, collect, collection_of
from perceptron.records.readers.table import load_measurements
from perceptron.report.dashboard.answer import sweep_address
from perceptron.report.dashboard.telling import FIGURES
from perceptron.report.dashboard.view import link
from perceptron.report.dashboard.write import write_site
from tests.many import many
from tests.plenty import plenty
from tests.report.reading import data, read, rows_of, text_of, views

CASES = 64


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    file = many(tmp_path_factory.mktemp("many") / "times.csv", cases=CASES, crossing=0.25)
    return collection_of(load_measurements(str(file)))


@pytest.fixture(scope="module")
def html(collection: Collection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(folder, collection)
    return folder


def listed(html: Path, page: str) -> list[dict[str, Any]]:
    rest = data(html, page)["rest"]
    names = [column["id"] for column in rest["columns"]]
    return [
        dict(zip(names, row, strict=True))
        for part in rest["parts"]
        for row in rows_of(html, part["file"])
    ]


def test_fifty_sweeps_are_drawn_and_the_others_listed(html: Path) -> None:
    """Every case is on the page once, and each of its pairs has an answer with its numbers."""
    drawn = {setting[0] for setting in views(html, "sweeps")}
    rest = listed(html, "sweeps")
    assert len(drawn) == FIGURES
    assert drawn | {row["family"] for row in rest} == {f"case-{k:03d}" for k in range(CASES)}
    assert len(rest) == 6 * (CASES - FIGURES)
    assert all(row["status"] in ("never, not sure", "always, not sure") for row in rest)
    assert all("at every size (closest at" in row["answer"] for row in rest)
    assert len({(row["family"], row["pair"]) for row in rest}) == len(rest)


def test_those_that_cross_are_drawn_first(html: Path) -> None:
    """And of the others those that come nearest to it."""
    drawn = list(dict.fromkeys(setting[0] for setting in views(html, "sweeps")))
    crossing = {f"case-{k:03d}" for k in range(CASES - CASES // 4, CASES)}
    assert set(drawn[: len(crossing)]) == crossing
    assert max(drawn[len(crossing) :]) < min(row["family"] for row in listed(html, "sweeps"))


def test_the_page_says_that_it_lists_and_why(html: Path) -> None:
    """In words that need no script; a page that draws everything says nothing of it."""
    text = text_of(html / "sweeps.html")
    assert f"Of {CASES} sweeps the {FIGURES} most telling are drawn" in text
    assert f"{CASES - FIGURES} sweeps without figures" in text
    assert "without figures" not in text_of(html / "history.html")
    assert "assets/rest.js" in read(html / "sweeps.html").links


def test_few_sweeps_are_all_drawn(tmp_path: Path) -> None:
    rows = load_measurements(str(many(tmp_path / "times.csv", cases=3)))
    write_site(tmp_path / "html", collection_of(rows))
    assert "rest" not in data(tmp_path / "html", "sweeps")
    assert "without figures" not in text_of(tmp_path / "html" / "sweeps.html")
    assert "assets/rest.js" not in read(tmp_path / "html" / "sweeps.html").links


def test_the_address_of_an_answer_is_one_that_is_drawn(collection: Collection, html: Path) -> None:
    """Its first case with a crossover, although cases that are only listed stand before it."""
    result = crossover_result(collection.rows, None, 1000)
    address = sweep_address(collection, result)
    switches = [switch["id"] for switch in data(html, "sweeps")["switches"]]
    drawn = [setting for setting in views(html, "sweeps") if setting[0] == "case-048"]
    assert address in {link("sweeps", switches[:-1], setting[:-1]) for setting in drawn}


def test_many_backends_have_the_figures_of_some_pairs_and_a_table_of_all(tmp_path: Path) -> None:
    """The pair that was asked for is among the figures."""
    rows = load_measurements(str(many(tmp_path / "times.csv", cases=1, backends=14, crossing=0)))
    asked = crossover_result(rows, [("backend-0", "backend-13")], 1000)
    for folder, answer in (("all", None), ("asked", asked)):
        write_site(tmp_path / folder, collection_of(rows), None, answer)
        shown = {setting[-1]: view for setting, view in views(tmp_path / folder, "sweeps").items()}
        ratios = {name for name in shown if name.startswith("ratio")}
        assert len(ratios) == FIGURES
        assert ("ratio of backend-13 to backend-0" in ratios) == (answer is not None)
        assert len(shown["time"]["tables"][0]["rows"]) == 91
        assert any("Of 91 pairs the 50 most telling" in line for line in shown["time"]["lines"])


def test_an_old_list_does_not_stay(html: Path, tmp_path: Path) -> None:
    """Written again with less, the data of the list is gone."""
    rows = load_measurements(str(many(tmp_path / "times.csv", cases=FIGURES + 1, sizes=2)))
    write_site(tmp_path / "html", collection_of(rows))
    assert list((tmp_path / "html" / "data" / "sweeps" / "listed").iterdir())
    write_site(tmp_path / "html", collection_of(rows[: len(rows) // 2]))
    assert not list((tmp_path / "html" / "data" / "sweeps" / "listed").iterdir())


def test_the_history_of_many_cases_is_drawn_where_it_has_steps(tmp_path: Path) -> None:
    """numpy became slower by half; of the others, some are only listed, each with its level."""
    plenty(tmp_path / "results" / "asv", machines=6, commits=8, noise=0.01, steps={4: 0.5})
    write_site(tmp_path / "html", collect(tmp_path / "results"))
    drawn = list(views(tmp_path / "html", "history"))
    rest = listed(tmp_path / "html", "history")
    assert len(drawn) == FIGURES
    assert len(drawn) + len(rest) == 6 * 4 * 2 + 3 * 4
    assert sum(setting[-1] == "numpy" for setting in drawn) == 6 * 4
    assert "numpy" not in {row["backend"] for row in rest}
    assert all(row["seconds"] > 0 and row["commits"] == 8 for row in rest)
    assert f"Of 60 cases the {FIGURES} with the largest steps" in text_of(
        tmp_path / "html" / "history.html"
    )
