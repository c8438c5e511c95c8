"""What the process that measures and the ranks say to each other, over sockets of one key."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

KEY = "PERCEPTRON_RANKS_KEY"
"""The variable that holds the key of a world's connections, as hexadecimal digits."""


@dataclass(frozen=True)
class Hello:
    """What a rank says first on its connection."""

    rank: int
    node: int
    local_rank: int
    """Its number on its node."""
    process_id: int
    host: str
    """Where the number of the process is one, see `host_identity`."""


Request: TypeAlias = tuple[str, tuple[object, ...], tuple[int, ...]]
"""One thing to do: a method of `rank.Member`, its arguments, trainers that can be dropped."""


@dataclass(frozen=True)
class Raised:
    """What a rank answers instead of a value, if doing it raised an exception."""

    kind: str
    message: str
    is_unsupported: bool = False


def host_identity() -> str:
    """Return what only processes have in common that see each other's process numbers."""
    marks = [platform.node()]
    with suppress(OSError):  # Linux alone has these
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        marks = [*marks[1:], os.readlink("/proc/self/ns/pid")]
    return " ".join(marks)
