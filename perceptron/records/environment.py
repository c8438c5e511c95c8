"""The environment of a measurement: hardware, libraries and settings."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr, replace

DIGEST_DIGITS = 6
"""Digits of a machine's hardware digest."""
# Share of the memory by which kernels differ in what they reserve.
_SAME_MEMORY = 0.02
# Files come from elsewhere: a bound against overflow.
_LARGEST = 2**64


class ThreadPool(Struct, frozen=True, kw_only=True):
    """A pool of a numerical library, as threadpoolctl reports it."""

    library: str
    version: str | None = None
    kernel: str | None = None
    """The processor family whose code a BLAS runs, such as SkylakeX or Haswell."""
    threads: int | None = None


class Gpu(Struct, frozen=True, kw_only=True):
    """A graphics processor and its driver."""

    name: str
    driver: str | None = None
    memory_bytes: int | None = None


class Environment(Struct, frozen=True, kw_only=True):
    """Facts that hold for a whole run; equal facts have equal ids."""

    cpu: str
    architecture: str
    cores: int
    """Logical cores that this process may use."""
    memory_bytes: int
    system: str
    python: str
    libraries: dict[str, str]
    pools: list[ThreadPool]
    """Sorted, since the order in which a process loads them changes from run to run."""
    gpus: list[Gpu] = []
    variables: dict[str, str] = {}
    """Environment variables that configure numerical libraries."""

    def __post_init__(self) -> None:
        sizes = (self.cores, self.memory_bytes, *(gpu.memory_bytes or 0 for gpu in self.gpus))
        if not all(0 <= size <= _LARGEST for size in sizes):
            raise ValueError("no machine has so many cores or bytes")
        force_setattr(self, "pools", sorted(self.pools, key=msgspec.json.encode))

    @property
    def id(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the facts."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]


class Facts(Struct, frozen=True):
    """Facts that identify a machine: its hardware, without libraries and settings."""

    cpu: str
    architecture: str
    cores: int
    memory_bytes: int
    gpus: list[tuple[str, int | None]]

    @property
    def digest(self) -> str:
        """Six hexadecimal digits of the SHA-256 of the facts."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:DIGEST_DIGITS]

    def is_same(self, other: Facts) -> bool:
        """Return whether both may be of one machine: equal but for 2% of the memory."""
        sizes = self.memory_bytes, other.memory_bytes
        is_near = max(sizes) - min(sizes) <= _SAME_MEMORY * max(sizes)
        return is_near and replace(self, memory_bytes=other.memory_bytes) == other


def facts_of(environment: Environment) -> Facts:
    """Return the hardware of an environment."""
    return Facts(
        cpu=environment.cpu,
        architecture=environment.architecture,
        cores=environment.cores,
        memory_bytes=environment.memory_bytes,
        gpus=sorted((gpu.name, gpu.memory_bytes) for gpu in environment.gpus),
    )
