from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.validation.what_if.comparison import compare
from benchmarks.validation.what_if.published import published
from benchmarks.validation.what_if.table import grids, save, summary
from perceptron.errors import UserError

PAGE = Path(__file__).parents[3] / "docs" / "what-if.md"


def test_the_page_in_docs_is_what_the_command_writes(tmp_path: Path) -> None:
    """Nothing in it is measured: a figure that is changed changes the page, by `make what-if`."""
    written = save(tmp_path / "page.md", compare(published())).read_text(encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == written


def test_every_row_is_shown_and_counted() -> None:
    truth = compare(published())
    *tables, missing = grids(truth)
    cells = [cell for table in tables for cell in table.rows]
    assert len(cells) == len(truth.rows)
    assert [cell[-1] for cell in cells].count("yes") == truth.inside
    assert len(missing.rows) == len(truth.not_compared)
    assert f"in {truth.inside} of {len(truth.rows)} rows" in summary(truth)


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be written: .*; choose another"):
        save(tmp_path / "no" / "page.md", compare(published()))
