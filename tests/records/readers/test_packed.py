from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.records.readers import any_source
from perceptron.records.readers.packed import open_unpacked
from perceptron.records.readers.table import load_measurements
from tests.asv_documents import BENCHMARKS, RESULTS, write
from tests.records.readers.conftest import GOOD, TABLE


def zipped(content: bytes, *names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return stream.getvalue()


PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zip": lambda content: zipped(content, "inner"),
}


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_files_read_as_what_is_in_them(tmp_path: Path, packer: str) -> None:
    """Whatever they are called: a table, our own rows, and in a folder by their names."""
    for name, content in (("times.csv", TABLE), ("rows.jsonl", GOOD)):
        plain, small = tmp_path / name, tmp_path / packer / f"{name}.{packer}"
        plain.write_text(content)
        small.parent.mkdir(exist_ok=True)
        small.write_bytes(PACKERS[packer](content.encode()))
        (row,), (unpacked,) = load_measurements(plain), load_measurements(small)
        assert (row.family, row.size, row.backend) == (
            unpacked.family,
            unpacked.size,
            unpacked.backend,
        )
    assert len(load_measurements(tmp_path / packer)) == 2


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_results_of_asv_read_as_they_are(tmp_path: Path, packer: str) -> None:
    """One by one, and in a machine's folder."""
    folder = write(tmp_path / "asv", BENCHMARKS, RESULTS)
    (file,) = (file for file in (folder / "box").iterdir() if file.name != "machine.json")
    plain = [row.seconds for row in load_measurements(file)]
    small = file.with_name(f"{file.name}.{packer}")
    small.write_bytes(PACKERS[packer](file.read_bytes()))
    file.unlink()
    assert plain
    for source in (small, folder / "box", folder):
        assert [row.seconds for row in load_measurements(source)] == plain


@pytest.mark.parametrize("packer", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("harm", ["cut", "flipped"])
def test_a_damaged_one_is_named(tmp_path: Path, packer: str, harm: str) -> None:
    content = PACKERS[packer]((TABLE + "f,2,b,0.5\n" * 5000).encode())
    middle = len(content) // 2
    broken = {
        "cut": content[:middle],
        "flipped": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
    }
    file = tmp_path / "times.csv"
    file.write_bytes(broken[harm])
    with pytest.raises(UserError, match=r"times\.csv"):
        load_measurements(file)


def test_what_is_packed_otherwise_says_so(tmp_path: Path) -> None:
    zstandard = tmp_path / "times.csv.zst"
    zstandard.write_bytes(b"\x28\xb5\x2f\xfd more")
    with pytest.raises(UserError, match=r"times\.csv\.zst: compressed with zstandard"):
        load_measurements(zstandard)
    several = tmp_path / "several.zip"
    several.write_bytes(zipped(TABLE.encode(), "one.csv", "two.csv"))
    with pytest.raises(UserError, match=r"several\.zip: a zip of 2 files"):
        load_measurements(several)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 and nothing else")
    with pytest.raises(UserError, match=r"broken\.zip: cannot be unpacked"):
        load_measurements(broken)


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.json.gz", "bomb.jsonl.gz"])
def test_what_unpacks_without_end_is_refused_before_its_rows_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Reading them takes minutes in which nothing is said."""
    monkeypatch.setattr(any_source, "read_csv", pytest.fail)
    bomb = tmp_path / name
    bomb.write_bytes(gzip.compress(TABLE.encode() + b"f,1,b,0.5\n" * 7_000_000))
    assert bomb.stat().st_size < 2**20
    with pytest.raises(UserError, match=rf"{name}: unpacks to more than 64 MiB; unpack and split"):
        load_measurements(bomb)


def test_a_plain_file_is_opened_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "plain"
    file.write_bytes(b"PKzip by name only")
    with open_unpacked(file) as content:
        assert content.read() == b"PKzip by name only"
