from __future__ import annotations

from pathlib import Path

from perceptron.report.text_file import reserve


def test_text_file_reserve_leaves_no_trace(tmp_path: Path) -> None:
    """A new one is not there afterwards, and one that is there stays as it was."""
    new, old = tmp_path / "new.md", tmp_path / "old.md"
    old.write_text("old")
    reserve(new)
    reserve(old)
    assert not new.exists()
    assert old.read_text() == "old"
