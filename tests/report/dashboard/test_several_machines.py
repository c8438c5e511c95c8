"""Several machines, on their own page and on the page of crossovers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.questions.answering import collect
from perceptron.questions.collection import collection_of
from perceptron.questions.crossover.page import SEVERAL
from perceptron.report.charts.palette import MACHINES
from perceptron.report.dashboard.machines import SIDE_BY_SIDE
from perceptron.report.dashboard.write import write_site
from tests.made import line
from tests.made_fleet import made_fleet
from tests.report.reading import data, tables, text_of, texts, views

View = dict[str, Any]


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    write_site(folder / "html", collect(made_fleet(folder / "results", machines=SIDE_BY_SIDE + 2)))
    return folder / "html"


def several(html: Path) -> dict[str, View]:
    """The views of several machines of one family, by what is shown."""
    return {
        setting[-1]: view
        for setting, view in views(html, "crossover").items()
        if (setting[0], setting[2]) == ("mlp-width", SEVERAL)
    }


def test_several_machines_view_comes_last(html: Path) -> None:
    """One machine with all its backends; the machines together stand last among the choices."""
    machines = [view["is"][2] for view in data(html, "crossover")["views"]]
    assert machines[0] != SEVERAL
    assert machines.index(SEVERAL) == len(machines) - machines.count(SEVERAL)


def test_several_machines_figure_limits_lines(html: Path) -> None:
    view = several(html)["numpy: time per iteration"]
    (figure,) = view["figures"]
    assert "their times are not divided by each other" in figure["caption"]
    named = texts(figure["wide"])[-len(MACHINES) :]
    assert len({text for text in named if " thread" in text}) == len(MACHINES)
    css = (html / "assets" / "strokes.css").read_text()
    for index in range(len(MACHINES)):
        assert f"var(--m{index}, #" in figure["wide"]
        assert f"--m{index}: #" in css
    (table,) = view["tables"]
    assert len(table["rows"]) == SIDE_BY_SIDE + 2
    drawn = f"Of {SIDE_BY_SIDE + 2} lines the {len(MACHINES)} newest are drawn"
    assert any(drawn in text for text in view["lines"])


def test_several_machines_label_has_threads(tmp_path: Path) -> None:
    rows = [
        replace(row, machine=machine, dtype=dtype, threads=threads)
        for row in line()
        for machine, dtype, threads in (
            ("a", "float32", 1),
            ("a", "float32", 2),
            ("b", "float32", None),
            ("a", "float64", 1),
            ("c", "float64", 1),
        )
    ]
    write_site(tmp_path, collection_of(rows))
    shown = {
        (setting[4], setting[-1]): view
        for setting, view in views(tmp_path, "crossover").items()
        if setting[2] == SEVERAL
    }
    labels = {
        dtype: sorted(text for text in texts(view["figures"][0]["wide"]) if ", " in text)
        for (dtype, name), view in shown.items()
        if name == "numpy: time per iteration"
    }
    assert labels == {
        "float32": ["a, 1 thread", "a, 2 threads", "b, threads not stated"],
        "float64": ["a, 1 thread", "c, 1 thread"],
    }


def test_several_machines_older_definition_is_named(tmp_path: Path) -> None:
    rows = [
        replace(row, machine=machine, problem_digest=digest, when=f"2026-0{month}-01T00:00:00Z")
        for row in line()
        for machine, digest, month in (("a", "new", 3), ("b", "new", 2), ("c", "old", 1))
    ]
    write_site(tmp_path, collection_of(rows))
    shown = [view for at, view in views(tmp_path, "crossover").items() if at[2] == SEVERAL]
    assert shown
    left_out = "Left out: c, with an older definition of the problems."
    assert all(left_out in view["lines"] for view in shown)


def test_several_machines_page_limits_columns(html: Path) -> None:
    """All of them; the newest have a column each."""
    rows = facts(html)
    assert len(rows) == SIDE_BY_SIDE + 2
    assert {row["processor"].split(",")[0] for row in rows} >= {"Abacus 3000", "Abacus 3013"}
    text = text_of(html / "machines.html")
    assert f"The {SIDE_BY_SIDE} machines with the newest results stand side by side" in text


def test_several_machines_table_has_all_answers(html: Path, tmp_path: Path) -> None:
    """As each of them says it; of another tool's the crossovers."""
    rows = tables(html, "machines")["answers"]
    assert {row["machine"] for row in rows} == {row["machine"] for row in facts(html)}
    sentences = {row["answer"] for row in rows if row["machine"] == "epyc-64"}
    assert any("torch-cpu overtakes numpy at" in sentence for sentence in sentences)
    assert {row["decided"] for row in rows} <= {"yes", "partly", "no"}
    foreign = [replace(row, source="asv", environment="env") for row in line()]
    write_site(tmp_path, collection_of(foreign))
    (row,) = tables(tmp_path, "machines")["answers"]
    assert (row["machine"], row["question"]) == ("box (asv)", "crossover of mlp-width")


def facts(html: Path) -> list[dict[str, Any]]:
    return tables(html, "machines")["what each machine is"]
