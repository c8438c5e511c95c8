"""Names of machines, by their facts: two machines that claim one name get two.

A machine keeps the name that it claims unless results of other hardware stand under it already.
Then it is called after both, its name and a digest of its facts, and so it is the next time.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.errors import UserError
from perceptron.records.environment import Environment
from perceptron.records.store import load_environment_file

_DIGITS = 6
_LONGEST = 64
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
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:_DIGITS]

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


def name_by_facts(runs: Path, claimed: str, facts: Facts) -> str:
    """Return the name under which a machine stands in the folder of all runs.

    It is free where nobody has measured under it, or somebody with the same facts.
    """
    if _is_free(runs / claimed, facts):
        return claimed
    stem = claimed[: _LONGEST - 1 - _DIGITS]
    for folder in sorted(runs.glob(f"{stem}-{'[0-9a-f]' * _DIGITS}")):
        if any(facts.is_same(known) for known in _known(folder)):
            return folder.name
    return f"{stem}-{facts.digest}"


def _is_free(folder: Path, facts: Facts) -> bool:
    if not any(folder.glob("*/run.json")):
        return True
    return any(facts.is_same(known) for known in _known(folder))


def _known(folder: Path) -> list[Facts]:
    """Return the facts of all that has measured under a name; of what cannot be read, none."""
    known = []
    for file in sorted(folder.glob("environment-*.json")):
        try:
            known.append(facts_of(load_environment_file(file)))
        except UserError:
            continue
    return known
