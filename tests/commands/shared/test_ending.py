from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT

# Sent once while the command works, and once more by the time that it says how it has ended.
TOLD_TWICE = """
import os, sys
from perceptron.commands.shared import ending

def app(arguments, standalone_mode):
    try:
        os.kill(os.getpid(), int(arguments[0]))
    except KeyboardInterrupt:
        return 130

say = ending.typer.echo
def told_again(*words, **how):
    os.kill(os.getpid(), int(sys.argv[1]))
    say(*words, **how)

ending.typer.echo = told_again
ending.run(app, sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals end nothing gently there")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_who_is_told_to_end_twice_still_says_how_it_ended(name: str) -> None:
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
def test_no_way_to_an_answer_is_no_wrong_usage(error: str, code: int) -> None:
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
