from __future__ import annotations

from markdown_it import MarkdownIt

from perceptron.report.tables.markdown import table

LINES = table(("name", "number>"), [("a", "1"), ("b", "20")])


def test_a_column_may_be_flush_right() -> None:
    assert LINES == ["| name | number |", "|---|---:|", "| a | 1 |", "| b | 20 |"]


def test_a_forge_reads_it_as_a_table() -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse("\n".join(LINES))
    kinds = [token.type for token in tokens]
    assert kinds.count("th_open") == 2
    assert kinds.count("td_open") == 4
