"""The day with a GPU: its archive comes home whole, or an error says that it did not."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import tarfile
import time
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from benchmarks.gpu_smoke import EXPECTED
from tests.conftest import ROOT

SCRIPT = ROOT / "benchmarks" / "gpu_day.sh"
# In the place of `perceptron`: every command but doctor and check keeps one run of some rows. What
# is in STUCK does not end, and what is in OPEN is cut short.
MEASURES = """
echo "answer of $1"
echo "$*" >>asked
[ "$1" != "${STUCK:-}" ] || exec sleep 600
cut=false
[ "$1" != "${OPEN:-}" ] || { cut=true && trap 'exit 3' EXIT; }
while [ $# -gt 0 ]; do [ "$1" != --results ] || results="$2"; shift; done
[ -n "${results:-}" ] || exit 0
run=$results/runs/box/$(ls "$results/runs/box" 2>/dev/null | wc -l)
mkdir -p "$run"
echo "{\\"cut_short\\": $cut}" >"$run/run.json"
for row in 1 2 3; do echo "{\\"$row\\": $RANDOM$RANDOM}" >>"$run/measurements.jsonl"; done
"""

Day = Callable[..., subprocess.CompletedProcess[str]]


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script in this folder."""
    (folder / "measures.sh").write_text(MEASURES)
    return subprocess.run(
        ["bash", SCRIPT, *arguments],
        cwd=folder,
        env=os.environ | {"PERCEPTRON": "bash measures.sh", "PYTHON": "false"} | variables,
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


def test_gpu_day_archive_is_complete_and_resumable(ended: Day, tmp_path: Path) -> None:
    measured = runs(tmp_path / "gpu-day")
    assert len(measured) > 5
    assert ended("unpack", "out.tar.gz", "home").returncode == 0
    assert runs(tmp_path / "home") == measured
    shutil.rmtree(tmp_path / "gpu-day")  # another machine, which has nothing but the archive
    again = ended("out.tar.gz")
    assert again.returncode == 0
    assert runs(tmp_path / "gpu-day") == measured, "what is decided is not measured again"
    assert "call again" not in again.stdout


def minutes_given(folder: Path) -> dict[str, list[float | None]]:
    """Return the minutes that each command was given, each time that it was started."""
    by_command: dict[str, list[float | None]] = {}
    for line in (folder / "asked").read_text().splitlines():
        command, _, minutes = line.partition(" --budget ")
        by_command.setdefault(command, []).append(float(minutes) if minutes else None)
    return by_command


def test_gpu_day_call_ends_in_time_and_next_does_rest(day: Day, tmp_path: Path) -> None:
    """What would not have half of its time is left to the next call, and each is done once."""
    first = day(GPU_DAY_SECONDS="150")
    assert first.stdout.splitlines()[-1].endswith("call again: something is open")
    begun = minutes_given(tmp_path)
    given = [minutes or 0.0 for each in begun.values() for minutes in each]
    assert 0 < max(given) <= 2.5
    assert "call again" not in day().stdout
    both = minutes_given(tmp_path)
    assert begun.items() < both.items()
    assert {len(each) for each in both.values()} == {1}


def test_runs_are_of_the_gpu_whatever_host_has_it(day: Day, tmp_path: Path) -> None:
    """The next call may be lent another: it goes on with the same runs."""
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho NVIDIA H100 80GB HBM3\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    assert day(PATH=f"{tmp_path}:{os.environ['PATH']}").returncode == 0
    studies = [command for command in minutes_given(tmp_path) if " --results " in command]
    assert studies
    assert all(" --machine h100-80gb-hbm3 " in command for command in studies)


def test_gpu_day_cut_short_step_resumes_with_larger_budget(day: Day, tmp_path: Path) -> None:
    """After all others, in this call and in the next: a budget counts what was spent before."""
    for times in (2, 3):
        assert "call again" in day(OPEN="race").stdout
        (race,) = (
            each for command, each in minutes_given(tmp_path).items() if command.startswith("race")
        )
        assert race == pytest.approx([race[0] * more for more in range(1, times + 1)], rel=1e-3)
    assert (
        sum(len(each) for each in minutes_given(tmp_path).values())
        == len(minutes_given(tmp_path)) + 2
    )


def test_gpu_day_ended_call_archives_its_results(day: Day, tmp_path: Path) -> None:
    """And the next one begins where it was."""
    (tmp_path / "measures.sh").write_text(MEASURES)
    variables = os.environ | {"PERCEPTRON": "bash measures.sh", "PYTHON": "false"}
    variables["STUCK"] = "race"
    process = subprocess.Popen(["bash", SCRIPT, "out.tar.gz"], cwd=tmp_path, env=variables)
    log = tmp_path / "asked"
    while not (log.exists() and "race" in log.read_text()):
        assert process.poll() is None
        time.sleep(0.01)
    process.terminate()
    assert process.wait(timeout=60) == 130
    before = runs(tmp_path / "gpu-day")
    shutil.rmtree(tmp_path / "gpu-day")
    assert day("out.tar.gz").returncode == 0
    assert runs(tmp_path / "gpu-day").items() > before.items()
    again = {
        command.split()[0]: each for command, each in minutes_given(tmp_path).items() if each[1:]
    }
    assert again == {"race": [again["race"][0]] * 2}


def test_gpu_day_implausible_number_is_explained() -> None:
    for name, wrong, right, why in (
        ("product", 400.0, 60.0, "TF32 is on"),
        ("torch-cuda", 20.0, 300.0, "not synchronised"),
        ("torch-cuda-graph", 2.0, 40.0, "incomplete replay"),
    ):
        assert EXPECTED[name].beside(wrong).endswith(f": {why}")
        assert why not in EXPECTED[name].beside(right)


def flipped(packed: bytes) -> list[bytes]:
    """Return an archive with one bit changed, at thirty places.

    Not where it is the same for gzip: among zeros a copy from another distance is no damage.
    """
    places = range(12, len(packed), len(packed) // 30)
    changed = [packed[:at] + bytes([packed[at] ^ 4]) + packed[at + 1 :] for at in places]
    return [archive for archive in changed if unpacked(archive) != gzip.decompress(packed)]


def unpacked(archive: bytes) -> bytes | None:
    """Return the bytes that gzip unpacks; None where it sees the damage."""
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
def test_gpu_day_damaged_archive_is_refused(
    day: Day, measured: Path, tmp_path: Path, damaged: Callable[[bytes], Sequence[bytes]]
) -> None:
    for packed in damaged((measured / "out.tar.gz").read_bytes()):
        (tmp_path / "damaged.tar.gz").write_bytes(packed)
        refused = day("unpack", "damaged.tar.gz", "home")
        assert refused.returncode == 2, refused.stdout
        assert refused.stderr.startswith("error: damaged.tar.gz: ")
        assert runs(tmp_path / "home") == {}


def test_gpu_day_endless_archive_is_refused(ended: Day, tmp_path: Path) -> None:
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


def test_gpu_day_failures_archive_their_logs(day: Day, tmp_path: Path) -> None:
    failed = day("out.tar.gz", PERCEPTRON="bash missing.sh")
    assert failed.returncode == 2
    assert "nothing was measured; out.tar.gz has the logs" in failed.stderr
    with tarfile.open(tmp_path / "out.tar.gz") as archive:
        assert any(name.startswith("log/") for name in archive.getnames())


def test_folders_may_have_spaces_and_need_not_exist(day: Day, tmp_path: Path) -> None:
    assert day("new folder/out.tar.gz", GPU_DAY_FOLDER="gpu day").returncode == 0
    assert day("unpack", "new folder/out.tar.gz", "at home").returncode == 0
    assert runs(tmp_path / "at home") == runs(tmp_path / "gpu day")


def test_gpu_day_unpack_writes_through_no_link(ended: Day, tmp_path: Path) -> None:
    name = next(iter(runs(tmp_path / "gpu-day")))
    (link := tmp_path / "home" / name).parent.mkdir(parents=True)
    (elsewhere := tmp_path / "elsewhere").touch()
    link.symlink_to(elsewhere)
    assert ended("unpack", "out.tar.gz", "home").returncode == 2
    assert elsewhere.read_bytes() == b""
