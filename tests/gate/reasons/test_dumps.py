"""A dump is read only from where it may lie: what names it is code that is compared."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from perceptron.gate.reasons.callgrind import NoDump, read_dump
from perceptron.gate.reasons.growth import Cost, FunctionId

DUMP = "fn=(1) work\n0 300\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    (made / "counts.1").write_text(DUMP)
    (tmp_path / "outside").write_text(DUMP)
    return made


def test_a_dump_is_read_per_call(folder: Path) -> None:
    table = read_dump(folder, {"status": "ok", "dump": "counts.1", "calls": 3})
    assert table == {FunctionId("work", None): Cost(100, 0)}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"dump": "counts.1"},
        {"calls": 1},
        {"dump": "counts.1", "calls": 0},
        {"dump": "counts.1", "calls": -1},
        {"dump": "counts.1", "calls": 10**400},
        {"dump": "counts.1", "calls": "1"},
        {"dump": ["counts.1"], "calls": 1},
        *({"dump": name, "calls": 1} for name in ("", ".", "..", "../outside", "no such", "a\0b")),
    ],
)
def test_what_is_no_file_of_the_folder_is_refused(folder: Path, content: dict[str, Any]) -> None:
    with pytest.raises(NoDump, match="no dump of callgrind") as caught:
        read_dump(folder, content)
    assert str(caught.value).isprintable()


def test_an_absolute_path_is_refused(folder: Path) -> None:
    with pytest.raises(NoDump, match="leads elsewhere"):
        read_dump(folder, {"dump": str(folder.parent / "outside"), "calls": 1})


def test_links_and_pipes_are_not_opened(folder: Path) -> None:
    """A pipe would wait for a writer."""
    (folder / "link").symlink_to(folder.parent / "outside")
    os.mkfifo(folder / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(NoDump, match="it is no file"):
            read_dump(folder, {"dump": name, "calls": 1})


@pytest.mark.parametrize("text", ["", "fn=(1) a\n0 x\n", "fn=(1) a\n0 9" + "9" * 400, "calls=\n"])
def test_what_is_no_dump_is_refused(folder: Path, text: str) -> None:
    (folder / "counts.1").write_text(text)
    with pytest.raises(NoDump):
        read_dump(folder, {"dump": "counts.1", "calls": 1})
