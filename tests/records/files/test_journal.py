from __future__ import annotations

from io import FileIO
from pathlib import Path

import pytest
from msgspec import Struct

from perceptron.records.files.journal import append, cut_unfinished, open_alone, replace


class Note(Struct):
    text: str


class NearlyFull(FileIO):
    """A disk that takes half of a line."""

    def write(self, line: bytes) -> int:  # type: ignore[override]
        return super().write(line[: len(line) // 2])


def test_a_line_that_did_not_fit_leaves_no_part_of_it(tmp_path: Path) -> None:
    """What is appended once there is room again would else follow on half a line."""
    file = tmp_path / "notes.jsonl"
    with FileIO(file, "a") as lines:
        append(lines, Note("kept"))
    with NearlyFull(file, "a") as lines, pytest.raises(OSError, match="No space left"):
        append(lines, Note("lost"))
    assert file.read_text() == '{"text":"kept"}\n'


def test_a_file_has_one_writer_until_it_is_closed(tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    first = open_alone(file)
    assert first is not None
    assert open_alone(file) is None
    first.close()
    second = open_alone(file)
    assert second is not None
    second.close()


@pytest.mark.parametrize("content", [b"", b"one\n", b"one\ntw", b"o"])
def test_only_what_was_being_written_is_cut(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "notes.jsonl"
    file.write_bytes(content)
    with FileIO(file, "a") as lines:
        cut_unfinished(lines)
    assert file.read_bytes() == (b"one\n" if b"one\n" in content else b"")


def test_a_replaced_file_leaves_no_draft(tmp_path: Path) -> None:
    replace(tmp_path / "note.json", Note("one"))
    replace(tmp_path / "note.json", Note("two"))
    assert [file.name for file in tmp_path.iterdir()] == ["note.json"]
    assert "two" in (tmp_path / "note.json").read_text()
