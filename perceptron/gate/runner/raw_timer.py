"""Code that asv times in a process of its own: ``timeraw_``. Part of the program: standard library.

asv's own timer tells seconds and nothing else. This one also tells what the process imported: it
must have been the arm's code as everywhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

# What is timed must find nothing imported that asv's own timer would not have imported.
_CHILD = "import sys\nexec(sys.stdin.read())\n"
_TIMED = """
from timeit import timeit, default_timer as timer
seconds = timeit(stmt={stmt!r}, setup={setup!r}, number={number}, timer=timer)
import json
modules = list(sys.modules.items())
files = {{name: getattr(module, "__dict__", {{}}).get("__file__") for name, module in modules}}
print("\\n" + json.dumps([seconds, {{n: f for n, f in files.items() if isinstance(f, str)}}]))
"""


class RawTimer:
    """Times statements of a benchmark, each time in a fresh process.

    ``statements`` returns what to time, or that and its setup, as source.
    """

    def __init__(
        self, statements: Callable[[], Any], variables: Mapping[str, str] | None = None
    ) -> None:
        self._statements = statements
        self._variables = dict(variables or {})
        self.modules: list[SimpleNamespace] = []
        """What the last process imported: names and files, as modules have them."""

    def timeit(self, number: int) -> float:
        """Return the seconds of so many runs. Raises RuntimeError with the process's last line."""
        given = self._statements()
        stmt, setup = given if isinstance(given, tuple) else (given, "")
        code = _TIMED.format(
            stmt=textwrap.dedent(stmt), setup=textwrap.dedent(setup), number=number
        )
        child = subprocess.run(
            [sys.executable, "-c", _CHILD],
            input=code.encode(),
            capture_output=True,
            env={**os.environ, **self._variables},
            check=False,
        )
        messages = child.stderr.decode(errors="replace")
        sys.stderr.write(messages)
        if child.returncode:
            last = messages.strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
            raise RuntimeError("its own process failed: " + last[0])
        seconds, files = json.loads(child.stdout.splitlines()[-1])
        self.modules = [
            SimpleNamespace(__name__=name, __file__=file) for name, file in files.items()
        ]
        return float(seconds)
