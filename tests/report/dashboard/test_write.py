from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.questions.answering import collect
from perceptron.questions.shared.published import SOURCE
from perceptron.report.charts import palette
from perceptron.report.dashboard.write import write_site
from tests.made import BENCH, bench_rows, everything, keep, measured
from tests.plenty import plenty
from tests.report.reading import PAGES, data, read, tables, text_of, views

OF_VIEWS = ("crossover", "map", "overhead", "race")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of each kind of ours, and asv's of two machines."""
    folder = everything(tmp_path_factory.mktemp("results"))
    plenty(folder / "asv", machines=2, commits=30, noise=0.01, steps={15: 0.5})
    return folder


@pytest.fixture(scope="module")
def html(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(folder, collect(results), "no checkout")
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def figures(html: Path) -> Iterator[dict[str, Any]]:
    for page in OF_VIEWS:
        for view in views(html, page).values():
            yield from view.get("figures", [])


@pytest.mark.parametrize("page", OF_VIEWS)
def test_dashboard_figure_has_title_text_and_table(html: Path, page: str) -> None:
    """And a title above it; none is empty."""
    shown = views(html, page)
    assert shown
    assert len(shown) == len(data(html, page)["views"])  # no two have the same switches
    for setting, view in shown.items():
        assert all(setting)
        assert view["title"]
        assert view["figures"]
        assert view["tables"]
        for figure in view["figures"]:
            assert len(figure["alt"]) > 30
            assert figure["caption"]
            assert all("<title>" in figure[width] for width in ("wide", "narrow"))
        for table in view["tables"]:
            assert all(len(row) == len(table["columns"]) for row in table["rows"])
            assert table["title"]


def test_dashboard_sweep_views_follow_available_data(html: Path) -> None:
    """asv's rows do not know what preparing took; one value has no interval and no sure winner."""
    shown: dict[str, set[str]] = defaultdict(set)
    for setting in views(html, "crossover"):
        shown[setting[2]].add(setting[-1])
    assert shown["box"] == {
        "time per iteration",
        "cold start, 10,000 iterations",
        "ratio of torch-cpu to numpy",
    }
    assert "cold start, 10,000 iterations" not in shown["box-00 (asv)"]
    by_way = {s[-1]: v for s, v in views(html, "crossover").items() if s[2] == "box"}
    lines = next(v["lines"] for s, v in views(html, "crossover").items() if s[2] == "box-00 (asv)")
    assert any("One repeat for each value" in line for line in lines)
    absent = "not measured: torch-cuda: no CUDA device found"
    assert all(absent in view["lines"] for view in by_way.values())


def test_dashboard_backend_colour_is_equal_on_all_pages(html: Path) -> None:
    """The property of its own, which the style sheet knows; of ours none is another's."""
    css = (html / "assets" / "strokes.css").read_text()
    colours = dict(re.findall(r"(--s\d+): (#\w+);", css.partition("@media")[0]))
    for name in ("numpy", "torch-cpu"):
        tokens = [
            token for token, colour in colours.items() if colour == palette.stroke(name).colour
        ]
        used = {
            token for figure in figures(html) for token in re.findall(r"--s\d+", figure["wide"])
        }
        assert len(tokens) == 1
        assert {*tokens} <= used


def test_raw_data_holds_every_row_once(results: Path, html: Path) -> None:
    rows = [row for rows in tables(html, "raw").values() for row in rows]
    assert len(rows) == len(collect(results).rows)
    reasons = {row["reason"] for row in rows}
    assert reasons == {None, "no CUDA device found", "n/a in asv"}


@pytest.mark.parametrize(("file", "name", "heading"), PAGES)
def test_dashboard_page_needs_nothing_external(
    html: Path, file: str, name: str, heading: str
) -> None:
    """Every link but the citation leads to what is there; a script is a file of ours.

    The navigation leads to every page, and says where one is.
    """
    page, text = read(html / file), (html / file).read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in page.links if link != "data:,"]
    assert links.count(SOURCE.address) == (name == "Overview")
    links = [link for link in links if link != SOURCE.address]
    assert all((html / link).is_file() for link in links), links
    assert page.handlers == []
    assert page.scripts == sum(link.endswith(".js") for link in links)
    policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'"
    assert policy in text
    assert {other for other, *_ in PAGES} <= set(links)
    assert text.count("aria-current") == text.count(f'{file}" aria-current="page">{name}<') == 1
    assert f"<h1>{heading}</h1>" in text


def test_equal_results_give_equal_bytes(results: Path, html: Path, tmp_path: Path) -> None:
    """The whole tree, written over an older one."""
    collection = collect(results)
    (tmp_path / "data" / "crossover").mkdir(parents=True)
    (tmp_path / "data" / "crossover" / "99.js").write_text(
        "perceptron.receive('old', JSON.parse('1'))"
    )
    (tmp_path / "index.html").write_text("old")
    write_site(tmp_path, collection, "no checkout")
    assert tree(tmp_path) == tree(html)


def test_files_of_others_stay(results: Path, tmp_path: Path) -> None:
    """Only data that an earlier dashboard wrote is removed; asv's pages are left alone."""
    mine, asvs = tmp_path / "data" / "mine.js", tmp_path / "asv" / "index.html"
    write(mine)
    write(asvs)
    write_site(tmp_path, collect(results))
    assert mine.read_text() == asvs.read_text() == "mine"
    assert "asv/index.html" in read(tmp_path / "index.html").links


def test_dashboard_without_results_names_commands(tmp_path: Path) -> None:
    """Every page is there, without a script that would look for data."""
    write_site(tmp_path, collect(tmp_path / "none"))
    for file, *_ in PAGES:
        page = read(tmp_path / file)
        assert "perceptron " in page.text, file
        assert page.scripts == 0, file
    assert "perceptron bench --quick" in text_of(tmp_path / "index.html")


@pytest.mark.parametrize("fields", [{"seconds": 1e-5}, {"status": "skipped", "reason": "no"}])
def test_dashboard_accepts_single_row(fields: dict[str, Any], tmp_path: Path) -> None:
    """Nothing to compare, or no time at all, and nothing breaks."""
    keep(tmp_path / "results", BENCH, [measured(**fields)])
    write_site(tmp_path / "html", collect(tmp_path / "results"))
    assert [len(rows) for rows in tables(tmp_path / "html", "raw").values()] == [1]


def test_results_without_the_main_job_lead_to_what_there_is(tmp_path: Path) -> None:
    """A map has its line, and what cannot be read is told of on the page of machines."""
    everything(tmp_path / "results")
    for file in tmp_path.glob("results/runs/box/2026-01-01T000000Z/*"):
        file.write_text("broken")
    write_site(tmp_path / "html", collect(tmp_path / "results"))
    page = read(tmp_path / "html" / "index.html")
    text = " ".join(page.text.split())
    assert "No finished run" not in text
    assert "numpy wins" in text
    assert "machines.html#complaints" in page.links
    assert "run.json: not what a run writes" in text_of(tmp_path / "html" / "machines.html")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda html: html.write_text(""), id="a file"),
        pytest.param(lambda html: html.symlink_to(html), id="a link to itself"),
        pytest.param(lambda html: write(html / "data"), id="a file for a folder"),
        pytest.param(lambda html: write(html / "crossover.html" / "x"), id="a folder for a page"),
    ],
)
def test_dashboard_unwritable_folder_is_named(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """In one line that says what to do."""
    spoil(tmp_path / "html")
    with pytest.raises(UserError, match=r"cannot write the page.*choose another --html$") as caught:
        write_site(tmp_path / "html", collect(tmp_path / "none"))
    assert str(tmp_path / "html") in str(caught.value)
    assert "\n" not in str(caught.value)


def write(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("mine")


def test_dashboard_card_agrees_with_verdict(tmp_path: Path) -> None:
    """The smallest size is undecided, the crossover is not."""
    rows = [
        replace(row, seconds=row.seconds * (1.5 if row.repeat % 2 else 0.5))
        if row.seconds and (row.family, row.size, row.backend) == ("mlp-width", 4, "torch-cpu")
        else row
        for row in bench_rows()
    ]
    keep(tmp_path / "results", BENCH, rows)
    write_site(tmp_path / "html", collect(tmp_path / "results"))
    page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    cards = page.partition('<ul class="cards">')[2].partition("</ul>")[0]
    assert "overtakes" in cards
    assert re.findall('<span class="tag">([^<]*)', cards) == ["decided: partly"]


def test_warnings_are_one_line_that_unfolds(tmp_path: Path) -> None:
    folder = keep(tmp_path / "results", BENCH, bench_rows())
    conditions = {"on_battery": True, "governors": ["powersave"]}
    (folder / "conditions.json").write_text(json.dumps(conditions))
    write_site(tmp_path / "html", collect(tmp_path / "results"))
    for name, start in (("index", "2 warnings:"), ("machines", "box: 2 warnings:")):
        page = (tmp_path / "html" / f"{name}.html").read_text(encoding="utf-8")
        folded = page.partition('<details class="warning"')[2].partition("</details>")[0]
        summary = folded.partition("<summary>")[2].partition("</summary>")[0]
        assert f"<strong>{start}</strong>" in summary
        assert "on battery" in summary
        assert "battery" in folded.partition("</summary>")[2]
        assert "plug it in" in folded
