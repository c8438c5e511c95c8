"""What `perceptron overhead` sets out to measure: a problem, and the rungs of each device."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from perceptron.analysis.stored.finding import FAMILY
from perceptron.backends import registry
from perceptron.backends.ladder import rungs
from perceptron.machine import usable_cores
from perceptron.measure.timing import Effort
from perceptron.problems.named import NAMED
from perceptron.problems.problem import DType, Problem
from perceptron.studies.shared.many_models import refuse_processes
from perceptron.studies.shared.over_processes import counts_of, require_backends
from perceptron.studies.shared.published import published_dtype

# The walk-through's problems.
_PUBLISHED = (FAMILY, "symptoms", "xor")
# Of a process on a device: libraries of GPUs take 1 to 4 s to load and to start a context.
_START_SECONDS = 4.0
# Of the devices that are not there this one says so, in a line of its own.
_SAYS_SO = "torch-cuda"


@dataclass(frozen=True)
class OverheadPlan:
    """A problem and the rungs to measure on it; equal plans are the same run."""

    problem: Problem = NAMED[FAMILY]
    backends: tuple[str, ...] = ()
    """Empty: the ladder of the CPU, and that of each device that is there."""
    dtype: DType | None = None
    """None: as published on the walk-through's problems, float32 on all others."""
    threads: int = 0
    """0 for all cores that this process may use."""
    quick: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "backends", self.backends or _all_rungs(self.problem))
        require_backends(self.backends, self.threads)
        object.__setattr__(self, "threads", self.threads or usable_cores())

    @property
    def processes(self) -> int:
        return 3 if self.quick else 8

    @property
    def budget_seconds(self) -> float:
        """What it may take unless the user says otherwise."""
        on_devices = [
            name
            for name in self.backends
            if registry.load(name).device != "cpu" and registry.reason_unavailable(name) is None
        ]
        return (120.0 if self.quick else 180.0) + len(on_devices) * self.processes * _START_SECONDS

    @property
    def effort(self) -> Effort:
        return Effort(samples=5, minimum_seconds=0.005 if self.quick else 0.01)

    def dtype_of(self, backend: str) -> DType:
        """Return what this rung computes in."""
        if self.dtype is not None:
            return self.dtype
        published = self.problem.name in _PUBLISHED
        return published_dtype(backend) if published else "float32"


def ladders(problem: Problem, counts: Sequence[int] = ()) -> dict[str, dict[str, str]]:
    """Return the ladder of each device for this problem, the CPU's first; see `rungs`."""
    devices = dict.fromkeys(registry.load(name).device for name in registry.names())
    batches, models = problem.batch is not None, problem.models > 1
    of_all = {device: rungs(device, batches, counts, models) for device in ("cpu", *devices)}
    return {device: ladder for device, ladder in of_all.items() if ladder}


def removed(problem: Problem, backends: Collection[str]) -> dict[str, str]:
    """Return what each rung removes from the one before it.

    On a device of which ``backends`` train over several processes, that is the ladder of these.
    """
    over = ladders(problem, counts_of(backends))
    removes: dict[str, str] = {}
    for device, ladder in ladders(problem).items():
        removes |= ladder
        if not set(backends).isdisjoint(over[device].keys() - ladder.keys()):
            removes |= over[device]
    return removes


def rungs_over(problem: Problem, named: Sequence[str], counts: Sequence[int]) -> tuple[str, ...]:
    """Return the backends ``named``, else all rungs, over each of these counts of processes.

    Raises `UserError` if there are counts and none of those named takes them, or none at all.
    """
    if named:
        return registry.over_processes(named, counts)
    refuse_processes(problem, counts)
    return _all_rungs(problem, counts)


def _all_rungs(problem: Problem, counts: Sequence[int] = ()) -> tuple[str, ...]:
    """Return the rungs of the CPU and of each device that is there, over ``counts`` of processes.

    A device is there if the first backend of its ladder in one process can run.
    """
    names: list[str] = []
    over = ladders(problem, counts)
    for device, ladder in ladders(problem).items():
        if device == "cpu" or registry.reason_unavailable(next(iter(ladder))) is None:
            names += over[device]
        elif _SAYS_SO in ladder:
            names.append(_SAYS_SO)
    return tuple(names)
