"""`perceptron` with as few blocks as can be judged: the default rule takes five times as long."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import suppress

from perceptron.cli import main
from perceptron.gate import compare
from perceptron.gate.verdict.rule import Rule
from perceptron.supervision import ChildProcess

FEWEST = {
    "screen": 5,
    "fewest_screen": 5,
    "most_screen": 5,
    "fewest_confirmation": 5,
    "most_confirmation": 5,
    "look": 5,
}
# Coverage writes in a fraction of it, also on a busy machine.
_SECONDS_TO_WRITE = 3.0


def leaving_later() -> Callable[..., None]:
    """Return how to end a program so that coverage can write before.

    Programs are killed as soon as they have given their last answer, and coverage writes what it
    saw after that.
    """
    end = ChildProcess.end

    def end_later(process: ChildProcess, patience_seconds: float = 0.0) -> None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_WRITE)
        end(process, patience_seconds)

    return end_later


if __name__ == "__main__":
    compare.Rule = lambda: Rule(**FEWEST)  # type: ignore[misc, assignment]
    if any(name.startswith("COVERAGE_PROCESS_") for name in os.environ):
        ChildProcess.end = leaving_later()  # type: ignore[method-assign]
    main()
