"""What a comment shows first, where its page is, and what is left out for want of room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from perceptron.records.comparison import ComparedRevision
from perceptron.report.pull_request.comment import MOST_BYTES, comment
from tests.made_comparison import broken, comparison, instructions, row, slower


def test_folded_rows_go_first_where_there_is_no_room_and_are_counted() -> None:
    """Below the bound with any number of rows, the changed ones all there."""
    same = [
        row(
            benchmark=f"same.time_{number}",
            reason="x" * 200,
            not_counted="y" * number if number < 50 else None,
            instructions=instructions(0.007),
            evidence="both",
        )
        for number in range(2000)
    ]
    text = comment(
        comparison(*same, *(slower(benchmark=f"slow.t{number}") for number in range(50)))
    )
    assert len(text.encode()) < MOST_BYTES
    assert text.count("`slow.t") == 50
    shown = text.count("| `same.time_")
    assert 0 < shown < 2000
    assert f"{2000 - shown:,} more benchmarks left out for want of room." in text


def test_comment_drops_least_important_rows_first() -> None:
    """The verdict, what fails, what became slower, then what became faster."""
    rows = [row(benchmark=f"fast.t{n}", verdict="faster", change=-0.9) for n in range(999)]
    rows += [slower(), broken(benchmark="bad.time_it")]
    text = comment(comparison(*rows, verdict="regression"))
    places = [
        text.index(words)
        for words in (
            "**broken**: `bad.time_it(10, 'numpy')` fails on HEAD",
            "| `bad.time_it(10, 'numpy')` | broken |",
            "| `sums.time_sum(10, 'numpy')` | slower |",
            "| `fast.t0(10, 'numpy')` | faster |",
            "more benchmarks left out for want of room.",
            "<details>",
        )
    ]
    assert places == sorted(places)
    assert "| `fast" not in text[places[-1] :]


PAGE = f"gate/{'a' * 12}..{'b' * 12}/index.html"
OURS = "https://we.example/suite"
TREE = ComparedRevision(name=".", commit="b" * 40, changes="0123456789abcdef", python="python")
EVIL = ComparedRevision(name="x", commit="](https://evil.example) @all #1", python="python")


@pytest.mark.parametrize(
    ("fields", "where", "leads_to"),
    [
        # At the address that was trusted, whatever path the document claims.
        (
            {"page": "../../evil/index.html"},
            {"published": OURS},
            f", [page with figures]({OURS}/{PAGE})",
        ),
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
        ({"page": PAGE}, {"html": Path("html")}, f", page `html/{PAGE}`\n"),
        ({"page": PAGE}, {"html": Path("/home/runner/work/pages")}, None),
        ({"page": PAGE}, {}, None),
    ],
)
def test_comment_links_page_of_its_comparison_only(
    fields: dict[str, Any], where: dict[str, Any], leads_to: str | None
) -> None:
    text = comment(comparison(slower(), **fields), **where)
    assert leads_to in text if leads_to else "page" not in text
    assert "../evil" not in text
