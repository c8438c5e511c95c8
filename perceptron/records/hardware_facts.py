"""What makes a machine another one: its hardware, whatever it is called."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct

from perceptron.records.environment import Environment

DIGITS = 6
"""Of a digest."""
# A kernel keeps some memory to itself, and another one more or less of it.
_SAME_MEMORY = 0.02


class Facts(Struct, frozen=True):
    """What makes a machine another one: hardware, and neither libraries nor settings."""

    cpu: str
    architecture: str
    cores: int
    memory_bytes: int
    gpus: list[tuple[str, int | None]]

    @property
    def digest(self) -> str:
        """Six hexadecimal digits of the SHA-256 of the facts."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:DIGITS]

    def is_same(self, other: Facts) -> bool:
        """Return whether both may be of one machine."""
        mine, theirs = self.memory_bytes, other.memory_bytes
        return (
            (self.cpu, self.architecture, self.cores, self.gpus)
            == (other.cpu, other.architecture, other.cores, other.gpus)
        ) and abs(mine - theirs) <= _SAME_MEMORY * max(mine, theirs)


def facts_of(environment: Environment) -> Facts:
    """Return the hardware of an environment."""
    return Facts(
        cpu=environment.cpu,
        architecture=environment.architecture,
        cores=environment.cores,
        memory_bytes=environment.memory_bytes,
        gpus=sorted((gpu.name, gpu.memory_bytes) for gpu in environment.gpus),
    )
