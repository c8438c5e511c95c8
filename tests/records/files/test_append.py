from __future__ import annotations

from io import FileIO
from pathlib import Path

import pytest
from msgspec import Struct

from perceptron.records.files.append import append


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
