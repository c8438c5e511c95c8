"""The archive that is brought home, and what is made of one that comes from elsewhere."""

from __future__ import annotations

import io
import random
import tarfile
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.studies.gpu_day.archive import Packer, unpack

ROWS = "runs/h100/one/measurements.jsonl"


def put(results: Path, name: str, content: bytes = b"x\n") -> Path:
    file = results / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def packed(results: Path, archive: Path) -> dict[str, bytes]:
    Packer(results, archive).pack()
    with tarfile.open(archive) as opened:
        return {name: opened.extractfile(name).read() for name in opened.getnames()}  # type: ignore[union-attr]


def crafted(file: Path, name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Path:
    with tarfile.open(file, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, 0
        archive.addfile(member, io.BytesIO())
    return file


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    """Runs, the state and what stages said; neither drafts nor the archive itself."""
    results = tmp_path / "day"
    names = ("gpu-day.json", "log/02-finding.txt", ROWS, "runs/h100/environment-1.json")
    for name in (*names, "runs/h100/one/run.json.77.tmp", "notes.txt"):
        put(results, name, name.encode())
    assert packed(results, results / "gpu-day.tar.gz") == {name: name.encode() for name in names}
    assert unpack(results / "gpu-day.tar.gz", tmp_path / "home") == ["runs/h100/one"]
    found = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert sorted(path.relative_to(tmp_path / "home").as_posix() for path in found) == sorted(names)


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        put(tmp_path / folder, ROWS)
        Packer(tmp_path / folder, tmp_path / f"{folder}.tar.gz").pack()
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_it_is_packed_again_only_when_something_has_changed(tmp_path: Path) -> None:
    archive = tmp_path / "one.tar.gz"
    packer = Packer(tmp_path, archive)
    put(tmp_path, ROWS)
    packer.pack()
    archive.unlink()
    assert packer.pack().files == 1
    assert not archive.exists()
    put(tmp_path, ROWS, b"x\ny\n")
    packer.pack()
    assert archive.exists()


def test_who_is_reading_the_archive_reads_one_whole(tmp_path: Path) -> None:
    """It is written beside its place: a machine may be gone in the middle of writing."""
    archive = tmp_path / "day.tar.gz"
    packer = Packer(tmp_path, archive)
    put(tmp_path, ROWS)
    packer.pack()
    before = archive.read_bytes()
    with archive.open("rb") as reader:
        put(tmp_path, ROWS, b"x\ny\n")
        packer.pack()
        assert reader.read() == before
    assert archive.read_bytes() != before


def test_what_has_no_room_is_left_out_and_named(tmp_path: Path) -> None:
    """The largest; all else comes home."""
    put(tmp_path, ROWS)
    put(tmp_path, "log/05-tests.txt", random.Random(1).randbytes(5000))
    result = Packer(tmp_path, tmp_path / "a.tar.gz", most_bytes=2000).pack()
    assert result.left_out == ["log/05-tests.txt"]
    assert result.files == 1
    assert (tmp_path / "a.tar.gz").stat().st_size == result.bytes < 2000


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    put(tmp_path, ROWS)
    with pytest.raises(UserError, match=r"x\.tar\.gz: cannot be written"):
        Packer(tmp_path, Path("/proc/no/x.tar.gz")).pack()


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
    archive = crafted(tmp_path / "bad.tar.gz", name, kind, link)
    with pytest.raises(UserError, match="is nothing that gpu-day packs"):
        unpack(archive, tmp_path / "home")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar.gz"]


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"\x1f\x8b\x08cut"])
def test_what_is_no_archive_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "day.tar.gz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=r"day\.tar\.gz: "):
        unpack(file, tmp_path)


def test_rows_that_the_archive_does_not_have_are_not_lost(tmp_path: Path) -> None:
    """A later archive of the same run replaces an earlier one, and not the other way round."""
    results, home = tmp_path / "day", tmp_path / "home"
    put(results, ROWS, b"1\n")
    packed(results, tmp_path / "early.tar.gz")
    put(results, ROWS, b"1\n2\n")
    packed(results, tmp_path / "late.tar.gz")
    for name in ("early", "late"):
        unpack(tmp_path / f"{name}.tar.gz", home)
    assert (home / ROWS).read_bytes() == b"1\n2\n"
    with pytest.raises(UserError, match="holds rows that "):
        unpack(tmp_path / "early.tar.gz", home)
    assert (home / ROWS).read_bytes() == b"1\n2\n"


def test_a_file_that_goes_away_meanwhile_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, ROWS)
    there = put(tmp_path, "log/02-finding.txt")
    read = Path.read_bytes

    def gone(file: Path) -> bytes:
        there.unlink(missing_ok=True)
        return read(file)

    monkeypatch.setattr(Path, "read_bytes", gone)
    names = list(packed(tmp_path, tmp_path / "a.tar.gz"))
    assert names == [ROWS]


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
