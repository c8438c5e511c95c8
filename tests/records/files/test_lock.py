from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from perceptron.records.files.lock import locked, open_locked, temporary_folder

HOLD = """
import pathlib, sys
from perceptron.records.files.lock import open_locked
stream = open_locked(pathlib.Path(sys.argv[1]))
print("held" if stream else "refused", flush=True)
sys.stdin.read()
"""


def test_lock_of_killed_process_is_released(tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert open_locked(file) is None
        holder.kill()
    stream = open_locked(file)
    assert stream is not None
    stream.close()


def test_lock_is_exclusive(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with locked(file, 0) as first, locked(file, 0.01) as second:
        assert (first, second) == (True, False)
    with locked(file, 0) as again:
        assert again


HOLD_FOLDER = """
import sys
from perceptron.records.files.lock import temporary_folder
with temporary_folder() as folder:
    (folder / "large").touch()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def hold() -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_FOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_temporary_folder_is_removed(tmp_path: Path) -> None:
    with temporary_folder() as folder:
        (folder / "data").mkdir()
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked there")
def test_temporary_folder_of_killed_process_is_removed_later(tmp_path: Path) -> None:
    """And nothing else: not what a living one has, nor what bears the name and is not ours."""
    killed, left = hold()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    alive, kept = hold()
    assert not left.exists()
    by_hand = tmp_path / "perceptron-held-notes"
    by_hand.mkdir()
    (by_hand / "mine").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "perceptron.lock").touch()
    (tmp_path / "perceptron-held-link").symlink_to(tmp_path / "elsewhere")
    with temporary_folder():
        assert (kept / "large").exists()
    assert [file.name for file in by_hand.iterdir()] == ["mine"]
    assert (tmp_path / "elsewhere" / "perceptron.lock").exists()
    alive.communicate("")
    assert not kept.exists()
