"""The last line of a job's log."""

from __future__ import annotations

import os
import re
from pathlib import Path

from perceptron.untrusted_text import shortened

_TAIL_BYTES = 4096
_LONGEST = 300
# The shell's line about a job that was killed, with all of its command; srun has one before.
_OF_SHELL = re.compile(r"slurm_script: line \d+:")


def last_line(file: Path) -> str | None:
    """Return the last line of a log that is not blank, short and printable; None without one."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
            lines = stream.read().decode(errors="replace").split("\n")
    except OSError:
        return None
    said = [line for line in lines if line.strip() and not _OF_SHELL.search(line)]
    return shortened(said[-1], _LONGEST) if said else None
