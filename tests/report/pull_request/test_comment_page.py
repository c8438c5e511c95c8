"""Where a comment leads to the page of its comparison, and where it must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perceptron.records.comparison import Side
from perceptron.report.pull_request.comment import comment
from tests.made_comparison import comparison, slower

PAGE = f"gate/{'a' * 12}..{'b' * 12}/index.html"
OURS = "https://we.example/suite"
TREE = Side(name=".", commit="b" * 40, changes="0123456789abcdef", python="python")
EVIL = Side(name="x", commit="](https://evil.example) @all #1", python="python")


@pytest.mark.parametrize(
    ("fields", "where", "leads_to"),
    [
        # At the address that was trusted, whatever path the document claims.
        ({"page": "../../evil/index.html"}, {"published": OURS}, f"\n[Page]({OURS}/{PAGE}): "),
        # Whatever is published there may be of another run.
        ({}, {"published": OURS}, None),
        # Some servers read a plus sign as a blank.
        (
            {"page": "x", "plan": {"head": TREE}},
            {"published": OURS},
            f"..{'b' * 12}%2B0123456789ab/index.html)",
        ),
        ({"page": "x", "plan": {"base": EVIL}}, {"published": OURS}, None),
        # A folder of a machine that nobody else sees says nothing.
        ({"page": PAGE}, {"html": Path("html")}, f"\nPage: `html/{PAGE}`.\n"),
        ({"page": PAGE}, {"html": Path("/home/runner/work/pages")}, None),
        ({"page": PAGE}, {}, None),
    ],
)
def test_only_a_page_of_this_comparison_is_named(
    fields: dict[str, Any], where: dict[str, Any], leads_to: str | None
) -> None:
    text = comment(comparison(slower(), **fields), **where)
    assert leads_to in text if leads_to else "Page" not in text
    assert "../evil" not in text
