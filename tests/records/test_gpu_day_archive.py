"""The archive of a day that is brought home, and what is made of one that comes from elsewhere."""

from __future__ import annotations

import io
import random
import tarfile
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.records.gpu_day import DayState, Packer, keep_day, open_day, unpack

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
    assert Packer(results, archive).pack().files == len(names)
    assert Packer(results, archive).pack().bytes == archive.stat().st_size
    assert unpack(archive, tmp_path / "home") == ["runs/h100/one"]
    found = {
        path.relative_to(tmp_path / "home").as_posix(): path.read_text()
        for path in (tmp_path / "home").rglob("*")
        if path.is_file()
    }
    assert found == {name: name for name in names}


def test_nothing_is_packed_again_unless_something_has_changed(tmp_path: Path) -> None:
    """Compressing takes a core from what is being measured."""
    archive = tmp_path / "a.tar.gz"
    packer = Packer(tmp_path, archive)
    put(tmp_path, ROWS)
    first, file = packer.pack(), archive.stat().st_ino
    put(tmp_path, "notes.txt")
    assert (packer.pack(), archive.stat().st_ino) == (first, file)
    put(tmp_path, ROWS, b"x\ny\n")
    packer.pack()
    unpack(archive, tmp_path / "home")
    assert (tmp_path / "home" / ROWS).read_bytes() == b"x\ny\n"
    archive.unlink()
    packer.pack()
    assert archive.exists()


def test_what_has_no_room_is_left_out_and_named(tmp_path: Path) -> None:
    """The largest; all else comes home."""
    put(tmp_path, ROWS)
    put(tmp_path, "log/05-tests.txt", random.Random(1).randbytes(17 * 2**20))
    result = Packer(tmp_path, tmp_path / "a.tar.gz").pack()
    assert (result.left_out, result.files) == (["log/05-tests.txt"], 1)


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
        Packer(results, tmp_path / f"{name}.tar.gz").pack()
        unpack(tmp_path / f"{name}.tar.gz", home)
    with pytest.raises(UserError, match="holds rows that "):
        unpack(tmp_path / "early.tar.gz", home)
    assert (home / ROWS).read_bytes() == b"1\n2\n"


@pytest.mark.parametrize("rehearsal", [True, False])
def test_a_rehearsal_is_kept_apart_from_measurements(tmp_path: Path, rehearsal: bool) -> None:
    """In whichever of the two it lies, and also where a folder of runs says nothing of a day."""
    own, other = (
        b'{"rehearsal": true, "stages": []}' if which else b'{"rehearsal": false, "stages": []}'
        for which in (rehearsal, not rehearsal)
    )
    archive = tmp_path / "day.tar.gz"
    for name, content in (("gpu-day.json", own), (ROWS, b"x\n")):
        put(tmp_path / "day", name, content)
    Packer(tmp_path / "day", archive).pack()
    put(tmp_path / "other", "gpu-day.json", other)
    with pytest.raises(UserError, match=r"rehearsal.*unpack into another --results"):
        unpack(archive, tmp_path / "other")
    put(tmp_path / "results", "runs/box/one/run.json")
    if rehearsal:
        with pytest.raises(UserError, match=r"is a rehearsal, and .* holds measurements"):
            unpack(archive, tmp_path / "results")
    else:
        unpack(archive, tmp_path / "results")
    unpack(archive, tmp_path / "new")
    assert unpack(archive, tmp_path / "new") == ["runs/h100/one"]


def test_an_empty_folder_begins_with_the_archive_and_no_other_does(tmp_path: Path) -> None:
    """A machine that is lent keeps nothing; one that still has the day has more than came home."""
    archive, day = tmp_path / "day.tar.gz", tmp_path / "day"
    early, late = (DayState(rehearsal=False, xla_flags=flags) for flags in ("--a", "--b"))
    put(day, ROWS)
    keep_day(day, early)
    Packer(day, archive).pack()
    keep_day(day, late)
    assert open_day(day, False, archive) == late
    assert open_day(tmp_path / "new", False, archive) == early
    assert (tmp_path / "new" / ROWS).exists()
    assert open_day(tmp_path / "first", False, tmp_path / "none.tar.gz").stages == []
