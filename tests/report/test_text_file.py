from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.report.text_file import append, reserve, write


def test_a_file_is_tried_without_a_trace(tmp_path: Path) -> None:
    """A new one is not there afterwards, and one that is there stays as it was."""
    new, old = tmp_path / "new.md", tmp_path / "old.md"
    old.write_text("old")
    reserve(new)
    reserve(old)
    assert not new.exists()
    assert old.read_text() == "old"


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "no" / "file.md"
    for attempt in (
        lambda: reserve(file),
        lambda: write(file, "x"),
        lambda: append(file, "x"),
    ):
        with pytest.raises(UserError, match=r"file\.md: cannot be written: No such file"):
            attempt()


def test_text_is_written_over_or_added(tmp_path: Path) -> None:
    file = tmp_path / "file.md"
    assert write(file, "µ") == file
    append(file, "×")
    assert file.read_text(encoding="utf-8") == "µ×"
