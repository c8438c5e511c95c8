from __future__ import annotations

from io import FileIO
from pathlib import Path

import pytest
from msgspec import Struct

from perceptron.records.files.append import append, cut_unfinished


class Note(Struct):
    text: str


class NearlyFull(FileIO):
    """A disk that takes half of a line."""

    def write(self, line: bytes) -> int:  # type: ignore[override]
        return super().write(line[: len(line) // 2])


def test_a_line_that_did_not_fit_leaves_no_part_of_it(tmp_path: Path) -> None:
    """What is appended once there is room again would otherwise follow on half a line."""
    file = tmp_path / "notes.jsonl"
    with FileIO(file, "a") as stream:
        append(stream, Note("kept"))
    with NearlyFull(file, "a") as stream, pytest.raises(OSError, match="No space left"):
        append(stream, Note("lost"))
    assert file.read_text() == '{"text":"kept"}\n'


@pytest.mark.parametrize("content", [b"", b"one\n", b"one\ntw", b"o"])
def test_only_what_was_being_written_is_cut(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "notes.jsonl"
    file.write_bytes(content)
    with FileIO(file, "a") as stream:
        cut_unfinished(stream)
    assert file.read_bytes() == (b"one\n" if b"one\n" in content else b"")
