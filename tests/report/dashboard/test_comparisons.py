"""The page of a comparison as files: what it says, what lies beside it, and what stays."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.errors import UserError
from perceptron.questions.answering import collect
from perceptron.records.comparison import ComparedRevision, Comparison
from perceptron.report.comparison_address import LIST, address
from perceptron.report.dashboard.comparisons import write_comparison
from perceptron.report.dashboard.write import write_site
from tests.goldens.explained import explained
from tests.hostile import NAMES
from tests.hostile_comparison import hostile_comparison
from tests.made_comparison import comparison, row
from tests.report.reading import read, text_of


def written(html: Path, made: Comparison) -> Path:
    page = address(made.plan)
    assert page is not None
    write_comparison(html, replace(made, page=page))
    return html / page


def test_comparison_page_links_resolve_below_gate(tmp_path: Path) -> None:
    """Below gate/ alone: the folder can be published or packed by itself. No script is inline."""
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "index.html").write_text("the dashboard, which is not published with it")
    page = written(tmp_path / "html", explained())
    for file in (page, tmp_path / "html" / LIST):
        reader = read(file)
        links = [link.partition("#")[0] for link in reader.links if link != "data:,"]
        targets = [(file.parent / link).resolve() for link in links]
        assert all(target.is_file() for target in targets), links
        assert all(target.is_relative_to(tmp_path / "html" / "gate") for target in targets)
        assert reader.handlers == []
        assert reader.scripts == sum(link.endswith(".js") for link in links)
    text = page.read_text(encoding="utf-8")
    sections = re.findall(r'href="#(row-\d+)">(.*?)</a>', text)
    assert len(sections) > 1
    assert all(f'<h2 id="{anchor}">{name}</h2>' in text for anchor, name in sections)


def test_comparison_page_is_replaced_by_same_comparison(
    tmp_path: Path,
) -> None:
    """With nothing left of what it was; the list has both, the newest first."""
    html = tmp_path / "html"
    made = explained()
    first = written(html, made)
    none = str(tmp_path / "none")
    again = written(html, replace(made, rows=[row()], blocks=[], results=none))
    assert again == first
    assert first.read_text().count("<svg") == 0
    other = comparison(
        row(), plan={"head": ComparedRevision(name="next", commit="d" * 40, python="python")}
    )
    second = written(html, other)
    assert first.is_file()
    links = [link for link in read(html / LIST).links if ".." in link]
    assert sorted(links) == sorted(f"{page.parent.name}/index.html" for page in (first, second))


def test_comparison_list_has_named_pages_newest_first(tmp_path: Path) -> None:
    """What others put there is passed over, and so is a summary that cannot be read."""
    html = tmp_path / "html"
    page = written(html, comparison(row()))
    reader = json.loads((page.parent / "summary.json").read_bytes())
    for index, (name, summary) in enumerate(
        [
            ("cccccccccccc..dddddddddddd", json.dumps({**reader, "when": "2099", "base": "newer"})),
            ("cccccccccccc..eeeeeeeeeeee", "[" * 100_000),
            ("cccccccccccc..ffffffffffff", "{}"),
            ("javascript:alert(1)", json.dumps(reader)),
        ]
    ):
        folder = html / "gate" / name
        folder.mkdir()
        (folder / "summary.json").write_text(summary)
        (folder / "index.html").write_text(str(index))
    write_comparison(html, replace(comparison(row()), page=str(page.relative_to(html))))
    links = [link for link in read(html / LIST).links if "/index.html" in link]
    assert links == ["cccccccccccc..dddddddddddd/index.html", f"{page.parent.name}/index.html"]


def test_comparison_page_names_its_commits(tmp_path: Path) -> None:
    """In its heading, its tab and the list: names such as HEAD^1 are the same in every run."""
    base = ComparedRevision(name="HEAD^1", commit="a" * 40, python="python")
    head = ComparedRevision(name="b" * 12, commit="b" * 40, python="python")
    page = written(tmp_path / "html", comparison(row(), plan={"base": base, "head": head}))
    commits = f"{'a' * 12} → {'b' * 12}"
    text = page.read_text(encoding="utf-8")
    assert f"<title>clean: {commits} · perceptron</title>" in text
    heading = f"HEAD^1 ({'a' * 12}) → {'b' * 12}"
    assert f"<h1>{heading}</h1>" in text
    assert f">{heading}</a>" in (tmp_path / "html" / LIST).read_text(encoding="utf-8")


def test_comparison_list_is_linked_from_dashboard(tmp_path: Path) -> None:
    """Not they to it: they may be published without. Neither writes or removes of the other's."""
    html = tmp_path / "html"
    made = comparison(row())
    page = written(html, made)
    before = page.read_bytes()
    write_site(html, collect(tmp_path / "none"))
    assert LIST in read(html / "index.html").links
    assert page.read_bytes() == before
    overview = (html / "index.html").read_bytes()
    written(html, made)
    assert (html / "index.html").read_bytes() == overview
    assert "../../index.html" not in read(page).links
    assert "../index.html" not in read(html / LIST).links


def test_comparison_page_unwritable_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    made = replace(comparison(row()), page=address(comparison().plan))
    with pytest.raises(UserError, match="choose another --html"):
        write_comparison(tmp_path / "file", made)


def test_comparison_page_text_is_never_markup(tmp_path: Path) -> None:
    """Of all that a comparison holds, on the page and in its data."""
    made = hostile_comparison()
    page = written(tmp_path / "html", made)
    for file in (page, tmp_path / "html" / LIST):
        reader = read(file)
        assert reader.handlers == []
        assert all(link == "data:," or re.match(r"[\w./+-]+$", link) for link in reader.links)
        assert reader.scripts == sum(link.endswith(".js") for link in reader.links)
    assert NAMES[0] in text_of(page)
