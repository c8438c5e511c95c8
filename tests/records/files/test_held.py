from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from perceptron.records.files.held import temporary_folder

HOLD = """
import sys
from perceptron.records.files.held import temporary_folder
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
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked there")
def test_what_a_killed_process_left_goes_when_the_next_begins(tmp_path: Path) -> None:
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
