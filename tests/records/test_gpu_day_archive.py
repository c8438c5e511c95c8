"""The archive of a day that is brought home, and what is made of one that comes from elsewhere."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.records.gpu_day import DayState, keep_day, open_day, pack, unpack

ROWS = "runs/h100/one/measurements.jsonl"


def put(results: Path, name: str, content: bytes = b"x\n") -> None:
    file = results / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    """Runs, the state and what stages said; neither drafts nor the archive itself."""
    results = tmp_path / "day"
    names = ("gpu-day.json", "log/02-finding.txt", ROWS, "runs/h100/environment-1.json")
    for name in (*names, "runs/h100/one/run.json.77.tmp", "notes.txt"):
        put(results, name, name.encode())
    archive = results / "gpu-day.tar.gz"
    packed = pack(results, archive)
    assert (packed.files, packed.bytes) == (len(names), archive.stat().st_size)
    assert unpack(archive, tmp_path / "home") == ["runs/h100/one"]
    found = {
        path.relative_to(tmp_path / "home").as_posix(): path.read_text()
        for path in (tmp_path / "home").rglob("*")
        if path.is_file()
    }
    assert found == {name: name for name in names}


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("../outside", tarfile.REGTYPE, ""),
        ("/etc/outside", tarfile.REGTYPE, ""),
        ("runs/../../outside", tarfile.REGTYPE, ""),
        ("runs/h100/one/a/b", tarfile.REGTYPE, ""),
        (ROWS, tarfile.SYMTYPE, "/etc/passwd"),
        ("runs/h100", tarfile.DIRTYPE, ""),
    ],
)
def test_nothing_else_is_unpacked(tmp_path: Path, name: str, kind: bytes, link: str) -> None:
    """An archive may come from anybody."""
    file = tmp_path / "bad.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, 0
        archive.addfile(member, io.BytesIO())
    with pytest.raises(UserError, match="was not packed by gpu-day"):
        unpack(file, tmp_path / "home")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar.gz"]


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08cut"])
def test_what_is_no_archive_is_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "day.tar.gz"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"day\.tar\.gz: "):
        unpack(file, tmp_path)


def test_rows_that_the_archive_does_not_have_are_not_lost(tmp_path: Path) -> None:
    """A later archive of the same run replaces an earlier one, and not the other way round."""
    results, home = tmp_path / "day", tmp_path / "home"
    for name, rows in (("early", b"1\n"), ("late", b"1\n2\n")):
        put(results, ROWS, rows)
        pack(results, tmp_path / f"{name}.tar.gz")
        unpack(tmp_path / f"{name}.tar.gz", home)
    with pytest.raises(UserError, match="holds rows that "):
        unpack(tmp_path / "early.tar.gz", home)
    assert (home / ROWS).read_bytes() == b"1\n2\n"


def test_an_empty_folder_begins_with_the_archive_and_no_other_does(tmp_path: Path) -> None:
    """A machine that is lent keeps nothing; one that still has the day has more than came home."""
    archive, day = tmp_path / "day.tar.gz", tmp_path / "day"
    early, late = (DayState(rehearsal=False, xla_flags=flags) for flags in ("--a", "--b"))
    put(day, ROWS)
    keep_day(day, early)
    pack(day, archive)
    keep_day(day, late)
    assert open_day(day, False, archive) == late
    assert open_day(tmp_path / "new", False, archive) == early
    assert (tmp_path / "new" / ROWS).exists()
    assert open_day(tmp_path / "first", False, tmp_path / "none.tar.gz").stages == []
