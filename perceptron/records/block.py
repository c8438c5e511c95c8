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
    """Return a benchmark's key: pytest's id of its test, else its name with its parameters."""
    if test is not None:
        return test
    return f"{name}({', '.join(params)})" if params else name


class Benchmark(Struct, frozen=True, kw_only=True):
    """One benchmark of a suite with one set of its parameters."""

    name: str
    """asv's name: module, class and function, joined by dots; for a test, pytest's id without
    parameters."""
    pretty_name: str | None = None
    """The name for display that its author set."""
    params: list[str] = []
    """The text of each parameter, in the order of ``param_names``."""
    param_names: list[str] = []
    index: int | None = None
    """The index among the benchmark's sets of parameters; None without parameters."""
    test: str | None = None
    """pytest's id of the test; None for a benchmark of asv."""
    group: str | None = None
    """The group in a test's mark."""
    type: str = "time"
    """asv's name of its kind: time, track, peakmemory, memory …"""
    unit: str = "seconds"
    timeout: float = 60.0
    """The most seconds of one process for it."""
    cache: str | None = None
    """Benchmarks of equal ``cache`` share the result of their ``setup_cache``."""
    cache_timeout: float | None = None
    file: str | None = None
    """The file that defines it, relative to the root of the repository."""
    line: int | None = None

    @property
    def asv_id(self) -> str:
        """The name that asv's runner, or pytest, finds it by."""
        if self.test is not None:
            return self.test
        return self.name if self.index is None else f"{self.name}-{self.index}"

    @property
    def key(self) -> str:
        """The key in messages and for regular expressions: ``name(params)``, or pytest's id."""
        return key_of(self.name, self.params, self.test)


class SideMeasurement(Struct, frozen=True, kw_only=True):
    """The result of one benchmark in one process."""

    status: Status
    """``slow``: it did not answer in time; ``untried``: it was not run, see ``reason``."""
    reason: str | None = None
    value: float | None = None
    """One robust number in the benchmark's unit: the lower quartile of the samples."""
    samples: list[float] = []
    """Samples in the order measured, without dropped ones; seconds per call if it is a time."""
    dropped: list[float] = []
    """Samples in which threads waited for a core; others were taken in their place."""
    waits: list[float] = []
    """For each of ``samples``, then of ``dropped``: the share of its time that threads waited,
    added up over threads; empty if the system does not report it."""
    waited: float | None = None
    """Share of the time of all ``samples`` that threads waited; None if unknown, or not a time.
    While calibrating: share of ``call_seconds``, None also if more threads than one ran."""
    calls: int = 1
    """Calls in each sample; while calibrating, the number that is needed."""
    call_seconds: float | None = None
    """While calibrating: wall seconds of one call with its setup."""
    idle: float | None = None
    """While calibrating: share of its time in which no thread ran or was ready to; None if the
    system does not report it."""
    instructions: float | None = None
    """While counting: instructions of one call, in the threads of its process."""
    loaded: bool = True
    """Whether its module had been imported when it, or its process, ended."""
    setup_seconds: float = 0.0
    """Seconds of its first setup."""
    wall_seconds: float = 0.0
    """Wall seconds of the process for this benchmark; while calibrating, without imports."""


class Block(Struct, frozen=True, kw_only=True):
    """Neighbouring processes of base and head, and of a second base in the confirmation.

    The block is the unit of evidence: what its processes share, such as the machine's speed at the
    moment, cancels in ``log_ratio``.
    """

    stage: Stage
    number: int
    """The number of the block in its stage, from 0; of the attempt while calibrating, and of the
    round while counting: see `perceptron.gate.counting.stage`."""
    take: int = 0
    """The number of the take, from 0: a block is measured again if one side waited for a core and
    another did not. `counted` chooses the take that counts."""
    benchmark: str
    """The key of the benchmark, see `Benchmark.key`."""
    order: list[Side]
    """The sides in the order measured."""
    folders: dict[Side, str]
    """The folder of each side's tree; all paths have equal lengths."""
    base: SideMeasurement
    head: SideMeasurement
    control: SideMeasurement | None = None
    elapsed_seconds: float = 0.0
    """Seconds of the comparison at the end of this block, without the time between two starts."""

    def measurements(self) -> dict[Side, SideMeasurement]:
        """Return the measurement of each side of this block."""
        measurements: dict[Side, SideMeasurement] = {"base": self.base, "head": self.head}
        if self.control is not None:
            measurements["control"] = self.control
        return measurements

    def measurement(self, side: Side) -> SideMeasurement | None:
        """Return the measurement of ``side``; None if it has no process in this block."""
        return self.measurements().get(side)

    def log_ratio(self, side: Side = "head") -> float | None:
        """Return log(side / base): 0 if both are equal, None unless both are positive numbers."""
        other = self.measurement(side)
        base, value = self.base.value, None if other is None else other.value
        if base is None or value is None or not (isfinite(base) and isfinite(value)):
            return None
        if base == value:
            return 0.0
        if base <= 0 or value <= 0:
            return None
        quotient = value / base  # may overflow
        return log(quotient) if 0 < quotient < inf else log(value) - log(base)


def waiting_sides(measurements: Mapping[Side, SideMeasurement]) -> frozenset[Side]:
    """Return the sides that waited for a core if others did not; empty if unknown or one failed."""
    shares = _known_waits(measurements)
    waited = {side for side, share in shares.items() if share > LARGEST_WAIT_SHARE}
    return frozenset(waited) if len(waited) < len(measurements) else frozenset()


def by_benchmark(blocks: Iterable[Block]) -> dict[str, list[Block]]:
    """Return the blocks of each benchmark."""
    return grouped(blocks, lambda block: block.benchmark)


def counted(blocks: Iterable[Block]) -> list[Block]:
    """Return the take that counts of each block, in the order of the first takes.

    It is the last take of those with the most ratios. If a side waited alone in it too, it is the
    take whose sides differ least in their waiting. The values of the ratios do not matter.
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
    """Return the share that each side waited; empty unless it is known of all sides."""
    waits = {
        side: measurement.waited
        for side, measurement in measurements.items()
        if measurement.status == "ok" and measurement.waited is not None
    }
    return waits if len(waits) == len(measurements) else {}
