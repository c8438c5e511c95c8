"""How fast the suite's commands are and how far their answers agree, idle and beside a neighbour.

<results>/speeds/<machine>.json    one `Speeds`
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from perceptron.records.measurement import Measurement


class Answer(Struct, frozen=True, kw_only=True):
    """A crossover, as far as two of them are compared."""

    family: str
    pair: str
    status: str
    sure: bool
    size: float | None = None
    low: float | None = None
    high: float | None = None


class Width(Struct, frozen=True, kw_only=True):
    """How wide the 95% interval of a ratio is at one size: high over low, minus 1.

    None where an end is open: one process alone has no interval.
    """

    family: str
    pair: str
    size: float
    width: float | None


class Asked(Struct, frozen=True):
    """A `bench` or a search: its wall time, its crossovers, and the ratios of a `bench`."""

    seconds: float
    answers: list[Answer]
    widths: list[Width] = []


class GateSpeed(Struct, frozen=True):
    """Runs of the gate on two revisions that do the same: wall times, and what each said."""

    seconds: list[float]
    verdicts: list[str]


class SelfRound(Struct, frozen=True):
    """Rows of one backend twice, as two sides: processes of one number were measured together."""

    first: list[Measurement]
    second: list[Measurement]


class SelfRatios(Struct, frozen=True, kw_only=True):
    """One backend against itself: rounds of pairs of processes, in order of time."""

    backend: str
    threads: int
    rounds: list[SelfRound]


class Side(Struct, frozen=True):
    """All that was measured with or without the neighbour; None for what was not."""

    bench: Asked | None = None
    crossover: Asked | None = None
    ratios: dict[str, list[float]] | None = None
    """Time over that of numpy-published on the OR gate, for each round, by backend."""
    gate: GateSpeed | None = None
    alike: list[SelfRatios] | None = None


class Speeds(Struct, frozen=True, kw_only=True):
    """What one machine reached, with one state of the code."""

    machine: str
    cpu: str
    cores: int
    code: str
    when: str
    command: str
    quiet: Side = Side()
    busy: Side = Side()


def newest_speeds(results: Path) -> Speeds | None:
    """Return those that were measured last, of whatever machine; None without any."""
    found = [read_speeds(file) for file in results.glob("speeds/*.json")]
    return max(found, key=lambda speeds: speeds.when, default=None)


def read_speeds(file: Path) -> Speeds:
    """Return what is stored; raises a `msgspec.DecodeError` for a file of another kind."""
    return msgspec.json.decode(file.read_bytes(), type=Speeds)
