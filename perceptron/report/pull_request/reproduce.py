"""The command that does a comparison again, as a comment may show it: somebody will paste it."""

from __future__ import annotations

import shlex

from perceptron.untrusted_text import label

_LONGEST = 2000


def command(line: str) -> str | None:
    """Return the command to reproduce, quoted again: a shell runs `perceptron compare` or nothing.

    None if it is another command, or one that cannot be shown in a line.
    """
    try:
        words = shlex.split(line) if len(line) <= _LONGEST else []
    except ValueError:  # no closing quotation
        return None
    quoted = shlex.join(words)
    ours = words[:2] == ["perceptron", "compare"]
    # In one line and without characters that nobody sees.
    return quoted if ours and label(quoted) == quoted else None
