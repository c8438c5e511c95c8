from __future__ import annotations

from pathlib import Path

from perceptron.report.text_file import reserve


def test_a_file_is_tried_without_a_trace(tmp_path: Path) -> None:
    """A new one is not there afterwards, and one that is there stays as it was."""
    new, old = tmp_path / "new.md", tmp_path / "old.md"
    old.write_text("old")
    reserve(new)
    reserve(old)
    assert not new.exists()
    assert old.read_text() == "old"
