from __future__ import annotations

import pytest

from benchmarks.validation.grid import TextTable, markdown, show

GRID = TextTable("Title", ("name", "number>"), [("[b]a[/b]", "1")], ("First.", "Second."))


def test_markdown_has_a_heading_the_table_and_paragraphs() -> None:
    assert markdown(GRID) == [
        *("## Title", ""),
        *("| name | number |", "|---|---:|", "| [b]a[/b] | 1 |"),
        *("", "First.", "", "Second."),
    ]


def test_a_terminal_shows_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """Cells are text: brackets in them are no markup."""
    show([GRID])
    words = capsys.readouterr().out.split()
    assert words == ["Title", "name", "number", "[b]a[/b]", "1", "First.", "Second."]
