"""What in the recorded facts makes timings less trustworthy, and what to do about it."""

from __future__ import annotations

from msgspec import Struct

from perceptron.records.environment import Environment

_PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Caution(Struct, frozen=True, kw_only=True):
    """Something to know when reading the numbers: what it is, and what can be done."""

    code: str
    message: str
    advice: str


def cautions(environment: Environment, threads: int) -> list[Caution]:
    """All that applies, the most serious first."""
    found = []
    pins = [name for name in _PINS if name in environment.variables]
    if pins:
        kernels = {pool.kernel for pool in environment.pools if pool.library == "openblas"}
        settings = " ".join(f"{name}={environment.variables[name]}" for name in pins)
        found.append(
            Caution(
                code="blas-pinned",
                message=f"NumPy's BLAS is pinned by {settings} "
                f"(kernel {', '.join(sorted(filter(None, kernels))) or 'unknown'}): "
                "its products may be slower than this machine can",
                advice="run again with env " + " ".join(f"-u {name}" for name in pins),
            )
        )
    if threads > environment.cores:
        found.append(
            Caution(
                code="too-many-threads",
                message=f"{threads} threads share {environment.cores} cores",
                advice=f"use --threads {environment.cores} or fewer",
            )
        )
    return found
