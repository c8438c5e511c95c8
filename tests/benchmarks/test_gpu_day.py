"""The day with a GPU: its archive comes home whole, or an error says that it did not."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "benchmarks" / "gpu_day.sh"
# In the place of `perceptron`: every command but doctor keeps one run of some rows.
MEASURES = """
echo "answer of $1"
while [ $# -gt 0 ]; do [ "$1" != --results ] || results="$2"; shift; done
[ -n "${results:-}" ] || exit 1
run=$results/runs/box/$(ls "$results/runs/box" 2>/dev/null | wc -l)
mkdir -p "$run"
echo '{}' >"$run/run.json"
for row in 1 2 3; do echo "{\\"$row\\": $RANDOM$RANDOM}" >>"$run/measurements.jsonl"; done
"""

Day = Callable[..., subprocess.CompletedProcess[str]]


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script in this folder."""
    (folder / "measures.sh").write_text(MEASURES)
    return subprocess.run(
        ["bash", SCRIPT, *arguments],
        cwd=folder,
        env=os.environ | {"PERCEPTRON": "bash measures.sh"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def day(tmp_path: Path) -> Day:
    """The script, in a folder of its own."""
    return partial(run, tmp_path)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a day was measured."""
    folder = tmp_path_factory.mktemp("day")
    ended = run(folder, "out.tar.gz")
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture
def ended(day: Day, tmp_path: Path, measured: Path) -> Day:
    """The script where it has measured a day and packed it."""
    shutil.copytree(measured, tmp_path, dirs_exist_ok=True)
    return day


def runs(results: Path) -> dict[str, bytes]:
    """Return the rows of each run in a folder of results."""
    files = results.glob("runs/*/*/measurements.jsonl")
    return {str(file.relative_to(results)): file.read_bytes() for file in files}


def test_a_day_comes_home_whole_and_goes_on_where_it_ended(ended: Day, tmp_path: Path) -> None:
    measured = runs(tmp_path / "gpu-day")
    assert len(measured) > 5
    assert ended("unpack", "out.tar.gz", "home").returncode == 0
    assert runs(tmp_path / "home") == measured
    shutil.rmtree(tmp_path / "gpu-day")  # another machine, which has nothing but the archive
    assert ended("out.tar.gz").returncode == 0
    assert runs(tmp_path / "gpu-day").items() > measured.items()


def flipped(packed: bytes) -> list[bytes]:
    """Return an archive with one bit changed, at thirty places.

    Not where it is the same for gzip: among zeros a copy from another distance is no damage.
    """
    places = range(12, len(packed), len(packed) // 30)
    changed = [packed[:at] + bytes([packed[at] ^ 4]) + packed[at + 1 :] for at in places]
    return [archive for archive in changed if unpacked(archive) != gzip.decompress(packed)]


def unpacked(archive: bytes) -> bytes | None:
    """Return what gzip makes of it; None where it sees the damage."""
    try:
        return gzip.decompress(archive)
    except (EOFError, OSError, zlib.error):
        return None


def cut(packed: bytes) -> list[bytes]:
    """Return an archive that ends early: anywhere, and whole for gzip but not for tar's members."""
    ends = range(20, len(packed), len(packed) // 5)
    plain = gzip.decompress(packed)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        begins = [member.offset for member in archive][1::3]
    zeros = b"\0" * 1024
    return [packed[:end] for end in ends] + [gzip.compress(plain[:at] + zeros) for at in begins]


@pytest.mark.parametrize("damaged", [flipped, cut], ids=lambda damage: damage.__name__)
def test_no_part_of_a_damaged_archive_is_unpacked(
    day: Day, measured: Path, tmp_path: Path, damaged: Callable[[bytes], Sequence[bytes]]
) -> None:
    for packed in damaged((measured / "out.tar.gz").read_bytes()):
        (tmp_path / "damaged.tar.gz").write_bytes(packed)
        refused = day("unpack", "damaged.tar.gz", "home")
        assert refused.returncode == 2, refused.stdout
        assert refused.stderr.startswith("error: damaged.tar.gz: ")
        assert runs(tmp_path / "home") == {}


def test_an_archive_of_a_file_without_end_is_refused_before_it_is_read(
    ended: Day, tmp_path: Path
) -> None:
    """A sparse file of 2 TiB takes 200 bytes, and hours to be checked."""
    rows = tmp_path / "large" / "runs" / "box" / "run" / "measurements.jsonl"
    rows.parent.mkdir(parents=True)
    with rows.open("wb") as file:
        file.truncate(2**41)
    sums = f"{'0' * 64}  {rows.relative_to(tmp_path / 'large')}\n"
    (tmp_path / "large" / "SHA256SUMS").write_text(sums)
    subprocess.run(
        ["tar", "-C", "large", "--sparse", "-czf", "large.tar.gz", "SHA256SUMS", "runs"],
        cwd=tmp_path,
        check=True,
        timeout=60,
    )
    refused = ended("unpack", "large.tar.gz", "home")
    assert refused.returncode == 2
    assert "holds more than 1 GiB" in refused.stderr
    assert runs(tmp_path / "home") == {}


def test_rows_that_an_archive_does_not_have_are_not_overwritten(ended: Day, tmp_path: Path) -> None:
    assert ended("unpack", "out.tar.gz", "home").returncode == 0
    name, rows = next(iter(runs(tmp_path / "home").items()))
    (tmp_path / "home" / name).write_bytes(rows + b'{"row": 4}\n')
    assert ended("unpack", "out.tar.gz", "home").returncode == 2
    assert (tmp_path / "home" / name).read_bytes() == rows + b'{"row": 4}\n'


def test_a_day_of_failures_brings_its_messages_home(day: Day, tmp_path: Path) -> None:
    failed = day("out.tar.gz", PERCEPTRON="bash missing.sh")
    assert failed.returncode == 2
    assert "nothing was measured; out.tar.gz has the logs" in failed.stderr
    with tarfile.open(tmp_path / "out.tar.gz") as archive:
        assert any(name.startswith("log/") for name in archive.getnames())


def test_folders_may_have_spaces_and_need_not_exist(day: Day, tmp_path: Path) -> None:
    assert day("new folder/out.tar.gz", GPU_DAY_FOLDER="gpu day").returncode == 0
    assert day("unpack", "new folder/out.tar.gz", "at home").returncode == 0
    assert runs(tmp_path / "at home") == runs(tmp_path / "gpu day")


def test_nothing_is_written_through_a_link(ended: Day, tmp_path: Path) -> None:
    name = next(iter(runs(tmp_path / "gpu-day")))
    (link := tmp_path / "home" / name).parent.mkdir(parents=True)
    (elsewhere := tmp_path / "elsewhere").touch()
    link.symlink_to(elsewhere)
    assert ended("unpack", "out.tar.gz", "home").returncode == 2
    assert elsewhere.read_bytes() == b""
