"""What `pages.yml` publishes: the docs as a site and, below them, the dashboard of the results."""

from __future__ import annotations

import json
import re
import shlex
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest

from tests.conftest import ROOT
from tests.test_docs import anchors
from tests.test_workflows import FOLDER, run, steps

pytest.importorskip("sphinx")
pytestmark = pytest.mark.slow

BASE = "https://we.github.io/suite/"
MARKDOWN = [*(ROOT / "docs").glob("*.md")]
LESSON = "examples/first-lesson.html"


class Page(HTMLParser):
    """What a page can be linked at, and what it links to."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids, self.links, self.base = set[str](), list[str](), ""
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "base":
            self.base = given["href"]
        else:
            self.ids |= {given.get("id", "")}
            self.links += [given[name] for name in ("href", "src") if name in given]


@pytest.fixture(scope="module")
def site(results_of_record: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every file that is published, by its address, built by the workflow's own lines."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "docs").symlink_to(ROOT / "docs")
    (folder / "results").symlink_to(results_of_record)
    lines = [step.get("run", "") for step in steps(FOLDER / "pages.yml")]
    programs = {"python": "", "perceptron": "-m perceptron"}
    built = run(
        "\n".join(line for line in lines if "pip install" not in line),
        folder,
        {
            name: f'exec {shlex.quote(sys.executable)} {module} "$@"\n'
            for name, module in programs.items()
        },
        PYTHONPATH=str(ROOT),
    )
    assert built.returncode == 0, built.stderr
    (uploaded,) = (
        step["with"]["path"]
        for step in steps(FOLDER / "pages.yml")
        if "path" in step.get("with", {})
    )
    root = folder / uploaded
    return {f"{BASE}{file.relative_to(root)}": file for file in root.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def pages(site: dict[str, Path]) -> dict[str, Page]:
    return {address: Page(file) for address, file in site.items() if file.suffix == ".html"}


def test_site_links_resolve(site: dict[str, Path], pages: dict[str, Page]) -> None:
    """To a file that is there, and to a heading of it; a page of the dashboard reads its choice."""
    front = pages[f"{BASE}index.html"].links
    assert {"dashboard/index.html", "first-run.html", LESSON} <= set(front)
    for address, page in pages.items():
        for link in page.links:
            target, _, anchor = urljoin(urljoin(address, page.base), link).partition("#")
            if target.startswith(BASE):
                assert target == BASE or unquote(target).partition("?")[0] in site, (
                    f"{address}: {link}"
                )
            if anchor and target in pages and "=" not in anchor:
                assert unquote(anchor) in pages[target].ids, f"{address}: {link}"


def test_site_headings_have_markdown_anchors(pages: dict[str, Page]) -> None:
    for source in MARKDOWN:
        assert anchors(source) <= pages[f"{BASE}{source.stem}.html"].ids
    names = {f"perceptron.{name}" for name in ("fastest", "load_results", "Advice")}
    assert names <= pages[f"{BASE}commands.html"].ids


def test_site_sitemap_lists_docs_and_dashboard(site: dict[str, Path]) -> None:
    sitemap = site[f"{BASE}sitemap.xml"].read_text(encoding="utf-8")
    listed = set(re.findall(r"<loc>(.*?)</loc>", sitemap))
    assert listed <= site.keys()
    dashboard = {f"dashboard/{name}.html" for name in ("index", "crossover", "raw")}
    docs = {f"{source.stem}.html" for source in MARKDOWN}
    assert {f"{BASE}{name}" for name in {LESSON} | docs | dashboard} <= listed


def test_search_knows_every_page(site: dict[str, Path]) -> None:
    index = site[f"{BASE}searchindex.js"].read_text(encoding="utf-8")
    contents = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))
    assert len(contents["docnames"]) == len(MARKDOWN) + 1
    assert "crossov" in contents["terms"]


def test_site_404_page_links_back_at_any_depth(pages: dict[str, Page]) -> None:
    page = pages[f"{BASE}404.html"]
    assert page.base == "/suite/"
    assert urljoin(urljoin(f"{BASE}no/such/page.html", page.base), "index.html") in pages
    assert {"index.html", "search.html"} <= set(page.links)
