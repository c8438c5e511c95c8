"""The question of a fleet: one command line, its code and its scheduler."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from perceptron.machine import machine_name
from perceptron.measure.revision import measuring_code, revision
from perceptron.problems import files
from perceptron.version import __version__

Where = Literal["slurm", "local"]


class FleetPlan(Struct, frozen=True, kw_only=True):
    """The common plan of all jobs of a fleet; equal plans are one fleet.

    Neither the budget nor the time limit belong to it: a job is resumed with more of both.
    """

    format: int = 1
    command: list[str]
    where: Where
    host: str | None = None
    """Of a fleet on one machine: on another one it is another."""
    version: str
    commit: str | None
    code: str | None = None
    """Digest of the code that measures: without a commit, another release is another fleet."""
    contents: dict[str, str]
    """Digests of the model files that the command names, by path."""
    nodes: Annotated[int, Meta(ge=1, le=100_000)] = 1
    """Of each job; each measures for itself."""
    gpus: int | None = None
    """Of each node; None asks for none."""
    sbatch: list[str] = []
    """``KEY=VALUE`` or ``KEY``, handed to sbatch as they are."""

    @property
    def id(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the plan."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()[:12]


def fleet_plan(
    command: Sequence[str], where: Where, nodes: int, gpus: int | None, sbatch: Iterable[str]
) -> FleetPlan:
    """Return the plan of a command line on the code of this process.

    Raises `UserError` for a model file that cannot be read.
    """
    return FleetPlan(
        command=list(command),
        where=where,
        host=machine_name() if where == "local" else None,
        version=__version__,
        commit=revision(),
        code=measuring_code(),
        contents=_contents(command),
        nodes=nodes,
        gpus=gpus,
        sbatch=list(sbatch),
    )


def _contents(command: Sequence[str]) -> dict[str, str]:
    """Return a digest of each model file: an edited one is another question."""
    words = [word for word in command if files.is_file(word)]
    references = [reference for word in words for reference in files.references(word)]
    return files.fingerprints(references)
