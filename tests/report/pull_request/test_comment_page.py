"""Where a comment says that the page of its comparison is."""

from __future__ import annotations

from pathlib import Path

from perceptron.records.comparison import Side
from perceptron.report.pull_request.comment import comment
from tests.made_comparison import comparison, slower

PAGE = f"gate/{'a' * 12}..{'b' * 12}/index.html"


def test_the_comment_links_to_the_page_where_it_is_published() -> None:
    """At the address that was trusted, whatever path the document claims."""
    made = comparison(slower(), page="../../evil/index.html")
    text = comment(made, published="https://we.example/suite")
    assert f"\n[Page](https://we.example/suite/{PAGE}): " in text
    assert "evil" not in text


def test_without_a_page_nothing_leads_to_one() -> None:
    """Whatever is published there may be of another run."""
    assert "age](" not in comment(comparison(slower()), published="https://we.example")


def test_only_the_usual_folder_is_named_where_nothing_is_published() -> None:
    made = comparison(slower(), page=PAGE)
    assert f"\nPage: `html/{PAGE}`.\n" in comment(made, html=Path("html"))
    assert "Page" not in comment(made, html=Path("/home/runner/work/pages"))
    assert "Page" not in comment(made)


def test_what_names_no_commits_has_no_link() -> None:
    side = Side(name="x", commit="](https://evil.example) @all #1", python="python")
    made = comparison(slower(), page="x", plan={"base": side})
    assert "age](" not in comment(made, published="https://we.example")


def test_a_page_of_a_working_tree_is_linked_with_its_plus_sign_kept() -> None:
    """Some servers read a blank."""
    tree = Side(name=".", commit="b" * 40, changes="0123456789abcdef", python="python")
    made = comparison(slower(), page="x", plan={"head": tree})
    assert f"..{'b' * 12}%2B0123456789ab/index.html)" in comment(made, published="https://we.it")
