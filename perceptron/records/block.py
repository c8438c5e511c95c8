"""The gate's row, the `Block`: one benchmark, measured once in one process of each revision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf, isfinite, log
from typing import Literal

from msgspec import Struct

from perceptron.processes.waiting import LARGEST_WAIT_SHARE
from perceptron.records.grouping import grouped

Side = Literal["base", "head", "control"]
PAIR: tuple[Side, ...] = ("base", "head")
Stage = Literal["calibration", "count", "screen", "confirmation"]
Status = Literal["ok", "skipped", "failed", "slow", "untried"]


def key_of(name: str, params: Sequence[str], test: str | None) -> str:
    """Return how a benchmark is called: by pytest's id of its test, which pytest runs again."""
    if test is not None:
        return test
    return f"{name}({', '.join(params)})" if params else name


class Benchmark(Struct, frozen=True, kw_only=True):
    """One benchmark of a suite with one set of its parameters."""

    name: str
    """As asv names it: module, class and function, joined by dots; of a test, pytest's id without
    parameters."""
    pretty_name: str | None = None
    """The name that its author gave it for display."""
    params: list[str] = []
    """The text of each parameter, in the order of ``param_names``."""
    param_names: list[str] = []
    index: int | None = None
    """Which of the benchmark's sets of parameters this is; None where it has none."""
    test: str | None = None
    """pytest's id of the test; None for a benchmark of asv."""
    group: str | None = None
    """The group that a test's mark puts it into."""
    type: str = "time"
    """asv's name of its kind: time, track, peakmemory, memory …"""
    unit: str = "seconds"
    timeout: float = 60.0
    """Seconds that one process may take for it."""
    cache: str | None = None
    """Benchmarks of equal ``cache`` share what their ``setup_cache`` returned."""
    cache_timeout: float | None = None
    file: str | None = None
    """Where it is defined, relative to the root of the repository."""
    line: int | None = None

    @property
    def asv_id(self) -> str:
        """The name by which asv's runner finds it, or pytest."""
        if self.test is not None:
            return self.test
        return self.name if self.index is None else f"{self.name}-{self.index}"

    @property
    def key(self) -> str:
        """``name(params)``, or pytest's id, for people, and for regular expressions to match."""
        return key_of(self.name, self.params, self.test)


class SideMeasurement(Struct, frozen=True, kw_only=True):
    """What one process gave for one benchmark."""

    status: Status
    """``slow``: it did not answer in time; ``untried``: it was not run, see ``reason``."""
    reason: str | None = None
    value: float | None = None
    """One robust number in the benchmark's unit: the lower quartile of the samples."""
    samples: list[float] = []
    """In the order measured, without those that were dropped; seconds per call for a time."""
    dropped: list[float] = []
    """Samples that threads waited in for a core, and that others were taken for."""
    waits: list[float] = []
    """For each of ``samples``, then of ``dropped``: the share of its time that threads waited,
    added up over threads; empty where the system does not tell."""
    waited: float | None = None
    """Share of the time of all ``samples``; None where it is unknown, and for what is no time.
    While calibrating: share of ``call_seconds``, None also where more threads than one ran."""
    calls: int = 1
    """Calls in each sample; while calibrating, the number that is needed."""
    call_seconds: float | None = None
    """While calibrating: what one call takes on the wall, its setup included."""
    idle: float | None = None
    """While calibrating: share of its time in which no thread ran or was ready to; None where the
    system does not tell."""
    instructions: float | None = None
    """While counting: what one call executes, in the threads of its process."""
    loaded: bool = True
    """Whether its module had been imported when it, or its process, ended."""
    setup_seconds: float = 0.0
    """What its first setup took."""
    wall_seconds: float = 0.0
    """What the process spent on this benchmark; while calibrating, without what it imported."""


class Block(Struct, frozen=True, kw_only=True):
    """Neighbouring processes of base and head, and of a second base in the confirmation.

    The block is the unit of evidence: what its processes share, such as the machine's speed at the
    moment, cancels in ``log_ratio``.
    """

    stage: Stage
    number: int
    """Which block of its stage, from 0; while calibrating, which attempt, and while counting, which
    round: see `perceptron.gate.counting.stage`."""
    take: int = 0
    """0, and more where the same was measured again because one side had waited for a core and
    another had not. Which of several takes counts: see `counted`."""
    benchmark: str
    """The `Benchmark.key`."""
    order: list[Side]
    """Which side was measured first, second …"""
    folders: dict[Side, str]
    """In which of the folders, whose paths have equal lengths, each side's tree lay."""
    base: SideMeasurement
    head: SideMeasurement
    control: SideMeasurement | None = None
    elapsed_seconds: float = 0.0
    """Of the whole comparison, when this block was done; the time between two starts not counted.
    """

    def measurements(self) -> dict[Side, SideMeasurement]:
        """Return the sample of each side of this block."""
        measurements: dict[Side, SideMeasurement] = {"base": self.base, "head": self.head}
        if self.control is not None:
            measurements["control"] = self.control
        return measurements

    def measurement(self, side: Side) -> SideMeasurement | None:
        """Return the sample of ``side``; None if it has no process in this block."""
        return self.measurements().get(side)

    def log_ratio(self, side: Side = "head") -> float | None:
        """Return log(side / base), None unless both are positive numbers; 0 if they are equal."""
        other = self.measurement(side)
        base, value = self.base.value, None if other is None else other.value
        if base is None or value is None or not (isfinite(base) and isfinite(value)):
            return None
        if base == value:
            return 0.0
        if base <= 0 or value <= 0:
            return None
        quotient = value / base  # may be beyond all floats
        return log(quotient) if 0 < quotient < inf else log(value) - log(base)


def waiting_sides(measurements: Mapping[Side, SideMeasurement]) -> frozenset[Side]:
    """Return the sides that waited for a core where others did not; none if that is unknown.

    A failure is a finding of its own: beside it nothing is said.
    """
    shares = _known_waits(measurements)
    waited = {side for side, share in shares.items() if share > LARGEST_WAIT_SHARE}
    return frozenset(waited) if len(waited) < len(measurements) else frozenset()


def by_benchmark(blocks: Iterable[Block]) -> dict[str, list[Block]]:
    """Return the blocks of each benchmark."""
    return grouped(blocks, lambda block: block.benchmark)


def counted(blocks: Iterable[Block]) -> list[Block]:
    """Return the take of each block that counts, at the place of its first.

    Of those with the most ratios the last one; if some side waited alone in that one too, the take
    whose sides differ least in how long they waited. The ratios themselves have no say.
    """
    takes = grouped(blocks, lambda block: (block.stage, block.number, block.benchmark))
    return [_best(group) for group in takes.values()]


def _best(takes: list[Block]) -> Block:
    most = max(map(_ratios, takes))
    usable = [block for block in reversed(takes) if _ratios(block) == most]
    if not waiting_sides(usable[0].measurements()):
        return usable[0]

    def waiting_difference(block: Block) -> float:
        waits = _known_waits(block.measurements()).values()
        return max(waits) - min(waits) if waits else inf

    return min(usable, key=waiting_difference)


def _ratios(block: Block) -> int:
    return sum(block.log_ratio(side) is not None for side in block.measurements())


def _known_waits(measurements: Mapping[Side, SideMeasurement]) -> dict[Side, float]:
    """Return how long each side waited; nothing unless all of them say so."""
    waits = {
        side: measurement.waited
        for side, measurement in measurements.items()
        if measurement.status == "ok" and measurement.waited is not None
    }
    return waits if len(waits) == len(measurements) else {}
