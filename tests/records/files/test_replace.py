from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct

from perceptron.records.files.replace import replace


class Note(Struct):
    text: str


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


def test_a_full_disk_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
