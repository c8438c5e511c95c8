from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from perceptron.records.files.lock import locked, open_locked

HOLD = """
import pathlib, sys
from perceptron.records.files.lock import open_locked
stream = open_locked(pathlib.Path(sys.argv[1]))
print("held" if stream else "refused", flush=True)
sys.stdin.read()
"""


def test_the_lock_of_a_killed_process_goes_with_it(tmp_path: Path) -> None:
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


def test_one_at_a_time_has_the_lock_and_others_wait(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with locked(file, 0) as first, locked(file, 0.01) as second:
        assert (first, second) == (True, False)
    with locked(file, 0) as again:
        assert again
