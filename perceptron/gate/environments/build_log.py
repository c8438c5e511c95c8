"""What went wrong in a build: the one line of its log that says so."""

from __future__ import annotations

import re

from perceptron.untrusted_text import label

_LONGEST = 300
# What a compiler says: file, line, perhaps column.
_DIAGNOSTIC = re.compile(
    r"\S+:\d+(:\d+)?: (fatal )?error: |\S+\(\d+(,\d+)?\): (fatal )?error |error\["
)
_ERROR = re.compile(r"\b(\w*Error|error|ERROR)\b ?:|\bERROR\b")
# What only tells that something else went wrong.
_GENERIC = re.compile(
    r"subprocess-exited-with-error|Failed building wheel|Failed to build|metadata-generation-failed"
    r"|failed-wheel-build|CalledProcessError|failed with exit (code|status)|asv\.util"
    r"|Failure creating environment|Error running "
)
_NO_COMPILER = re.compile(
    r"command '[^']+' failed: No such file"
    r"|No such file or directory: '[^']*(cc|c\+\+|gcc|g\+\+|clang|gfortran|cl(\.exe)?)'"
    r"|Unknown compiler\(s\)|No CMAKE_\w+_COMPILER could be found"
    r"|Microsoft Visual C\+\+ [\d.]+ or greater is required"
)


def problem(log: str) -> str:
    """Return the last line that tells what went wrong, as people read it."""
    lines = [line for line in (_plain(line) for line in log.splitlines()) if line]
    said = [line for line in lines if _ERROR.search(line)]
    exact = [line for line in said if _DIAGNOSTIC.search(line)]
    telling = [line for line in said if not _GENERIC.search(line)]
    for some in (exact, telling, said, lines):
        if some:
            return some[-1][:_LONGEST]
    return "it printed nothing"


def lacks_compiler(log: str) -> bool:
    """Return whether there was nothing to compile with."""
    return _NO_COMPILER.search(log) is not None


def _plain(line: str) -> str:
    """Return the line without asv's bullets, colours and indentation."""
    return label(re.sub(r"\x1b\[[\d;]*m", "", line)).strip(" ·-")
