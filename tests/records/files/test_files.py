from __future__ import annotations

import os
from io import FileIO
from pathlib import Path

import pytest
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.files.read import must_be_a_file
from perceptron.records.files.write import append, cut_unfinished, replace


class Note(Struct):
    text: str


class NearlyFull(FileIO):
    """A disk that takes half of a line."""

    def write(self, line: bytes) -> int:  # type: ignore[override]
        return super().write(line[: len(line) // 2])


def test_append_leaves_no_partial_line_on_full_disk(tmp_path: Path) -> None:
    """What is appended once there is room again would otherwise follow on half a line."""
    file = tmp_path / "notes.jsonl"
    with FileIO(file, "a") as stream:
        append(stream, Note("kept"))
    with NearlyFull(file, "a") as stream, pytest.raises(OSError, match="No space left"):
        append(stream, Note("lost"))
    assert file.read_text() == '{"text":"kept"}\n'


@pytest.mark.parametrize("content", [b"", b"one\n", b"one\ntw", b"o"])
def test_cut_unfinished_removes_last_partial_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "notes.jsonl"
    file.write_bytes(content)
    with FileIO(file, "a") as stream:
        cut_unfinished(stream)
    assert file.read_bytes() == (b"one\n" if b"one\n" in content else b"")


@pytest.mark.parametrize(
    ("content", "written"),
    [
        (b"\x00\xff", b"\x00\xff"),
        ("é\n", "é\n".encode()),
        (Note("one"), b'{\n  "text": "one"\n}\n'),
    ],
)
def test_content_of_each_kind_replaces_a_file_and_leaves_no_draft(
    tmp_path: Path, content: bytes | str | Struct, written: bytes
) -> None:
    file = tmp_path / "note"
    file.write_text("what was there before")
    replace(file, content)
    assert file.read_bytes() == written
    assert list(tmp_path.iterdir()) == [file]


def test_write_keeps_old_file_on_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "page.html"
    file.write_text("old")

    def half(path: Path, content: bytes) -> int:
        with path.open("wb") as stream:
            stream.write(content[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="No space left"):
        replace(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_must_be_a_file_refuses_folder_pipe_and_device(tmp_path: Path) -> None:
    """Reading a pipe waits for ever, and a device never ends."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for file in (tmp_path, pipe, Path(os.devnull)):
        with pytest.raises(UserError, match=f"{file}: no ordinary file; move it away"):
            must_be_a_file(file)
