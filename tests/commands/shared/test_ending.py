from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Sent once while the command works, and once more by the time that it says how it has ended.
TOLD_TWICE = """
import os, signal, sys
from perceptron.commands.shared import ending

signal.signal(int(sys.argv[1]), signal.SIG_DFL)  # nohup has it ignored

def app(arguments, standalone_mode):
    try:
        os.kill(os.getpid(), int(arguments[0]))
    except KeyboardInterrupt:
        raise ending.click.Abort

say = ending.click.echo
def told_again(*words, **how):
    os.kill(os.getpid(), int(sys.argv[1]))
    say(*words, **how)

ending.click.echo = told_again
ending.run(app, sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals end nothing gently there")
def test_ending_interrupt_during_import_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "perceptron", "bench"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "error: interrupted\n")


MEASURES = """
import sys
from perceptron.commands.shared import ending

def app(arguments, standalone_mode):
    from perceptron.report.tables import terminal
    with open(arguments[0], "w", buffering=1) as rows:
        with terminal.progress_bar("measuring") as move:
            for row in range(5):
                move(row, 5, "a row")
                rows.write("row\\n")
    print("the answer")
    return 3

ending.run(app, sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no /dev/full")
@pytest.mark.parametrize("errors", ["2>/dev/full", "2>&-", "<&- 2>&-", "2>&$PIPE"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_progress_that_cannot_be_written_costs_no_row(
    errors: str, unbuffered: str, tmp_path: Path
) -> None:
    """A full disk, a stream that is closed, a reader that is gone."""
    reading, writing = os.pipe()
    os.close(reading)
    program = shlex.join([sys.executable, "-c", MEASURES, str(tmp_path / "rows")])
    done = subprocess.run(
        ["bash", "-c", f"{program} {errors.replace('$PIPE', str(writing))}"],
        pass_fds=[writing],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stdout) == (3, "the answer\n")
    assert (tmp_path / "rows").read_text() == "row\n" * 5


@pytest.mark.skipif(sys.platform == "win32", reason="signals end nothing gently there")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_ending_second_signal_keeps_message(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TOLD_TWICE, str(int(getattr(signal, name)))],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: interrupted; the rows measured so far are kept")


@pytest.mark.parametrize(("error", "code"), [("UserError", 2), ("Inconclusive", 3)])
def test_ending_exit_code_tells_errors_apart(error: str, code: int) -> None:
    """Both are one line."""
    program = (
        "from perceptron import errors\n"
        "from perceptron.commands.shared import ending\n"
        "def app(arguments, standalone_mode):\n"
        f"    raise errors.{error}('no answer')\n"
        "ending.run(app, [])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, "error: no answer\n")
