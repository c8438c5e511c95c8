"""Where one iteration's time goes: each variant down to the floor, and what explains it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated, ClassVar

from msgspec import Meta, field
from msgspec.structs import replace

from perceptron.answer import Answer, Page
from perceptron.backends import registry
from perceptron.backends.accelerators.protocol import accelerator_of
from perceptron.backends.ladder import variants
from perceptron.backends.protocol import Distributed, least_seconds_of
from perceptron.machine import usable_cores
from perceptron.measure.job import Extra, Job, Time
from perceptron.problems import catalogue, cost
from perceptron.problems.problem import DType, Problem
from perceptron.questions.overhead.ladder import Ladder, ladder
from perceptron.questions.overhead.text import rendered
from perceptron.questions.shared.missing import missing
from perceptron.questions.shared.pairs import counts_of, refuse_processes, require_backends
from perceptron.questions.shared.published import FAMILY
from perceptron.questions.study import DTYPE, Backends, Option, Over, Plan, Threads
from perceptron.records.measurement import (
    CEILING,
    DEVICE,
    ENERGY,
    EXTRAS,
    HARNESS,
    KERNELS,
    PHASES,
    PROFILE,
    ExtraName,
    Measurement,
)
from perceptron.records.readers.stored_runs import LoadedRun
from perceptron.records.row import Row, times
from perceptron.records.warning import MeasurementWarning
from perceptron.statistics.select import usable_rows
from perceptron.statistics.sessions import starts_of

# The walk-through's problems.
_PUBLISHED = (FAMILY, "symptoms", "xor")
# Of a process on a device: libraries of GPUs take 1 to 4 s to load and to start a context.
_START_SECONDS = 4.0
# The only device that has a line where it is absent.
_SAYS_SO = "torch-cuda"
# Repeats of a quick run, and those in which ceilings and devices are measured.
_FIRST = 3
_SAMPLES = 5

Amount = Annotated[int, Meta(ge=0, le=2**60)]


class OverheadPlan(Plan, frozen=True, kw_only=True):
    """A problem and the variants to measure on it."""

    usual_note: ClassVar[str] = ", more with a GPU"
    problem: Annotated[
        str, Option("Take a problem, a shape or FILE.toml[:SIZE]. Default: or-gate.", metavar="P")
    ] = "or-gate"
    backends: Backends = ()
    threads: Threads = None
    over_processes: Over = ()
    dtype: Annotated[DType | None, DTYPE] = None
    quick: Annotated[bool, Option("Measure for two minutes, with 3 repeats.", ("--quick",))] = False
    removes: dict[str, str] = field(default_factory=dict)
    """The thing that each variant removes from the one before it."""
    operations: Amount = 0
    """Operations of one iteration."""
    bytes_moved: Amount = 0

    def resolved(self) -> OverheadPlan:
        """Return it with every default filled in; raises `UserError` naming an option."""
        problem = catalogue.find(self.problem)
        backends = _variants_over(problem, self.backends, self.over_processes)
        threads = self.threads or usable_cores()
        require_backends(backends, threads)
        removes = _removed(problem, backends)
        return replace(
            self,
            problem=problem.reference,
            backends=backends,
            threads=threads,
            over_processes=counts_of(backends),
            removes={name: removes.get(name, "–") for name in backends},
            operations=cost.operations(problem),
            bytes_moved=cost.bytes_moved(problem, "float32"),
        )

    @property
    def references(self) -> tuple[str, ...]:
        """The problem that is trained."""
        return (self.problem,)

    @property
    def repeats(self) -> int:
        """Fresh processes that measure each variant."""
        return _FIRST if self.quick else 8

    @property
    def budget_seconds(self) -> float:
        """More with a device, where the start of a process takes seconds."""
        on_devices = [
            name
            for name in self.backends
            if registry.load(name).device != "cpu" and registry.reason_unavailable(name) is None
        ]
        seconds = 120.0 if self.quick else self.usual_seconds
        return seconds + len(on_devices) * self.repeats * _START_SECONDS

    @property
    def minimum_seconds(self) -> float:
        """Seconds that each sample takes at least."""
        return 0.005 if self.quick else 0.01

    def dtype_of(self, backend: str) -> DType:
        """Return the dtype in which this variant computes."""
        if self.dtype is not None:
            return self.dtype
        return registry.published_dtype(backend) if self.problem in _PUBLISHED else "float32"


class Overhead:
    """The study."""

    name: ClassVar[str] = "overhead"
    Plan: ClassVar[type[Plan]] = OverheadPlan
    query_fields: ClassVar[tuple[str, ...]] = ("problem", "threads", "over_processes")
    page: ClassVar[Page] = Page(
        "Overhead",
        "Where does an iteration spend its time?",
        "No cost breakdown was measured yet.",
        "one",
        shows_samples=True,
    )
    doing: ClassVar[str] = "measuring"

    def next(self, plan: OverheadPlan, rows: Sequence[Row], left: float) -> list[Job]:
        """Ask for the first of `_steps` of which something is missing."""
        measured = times(rows)
        explained = {(row.backend, _extra_of(row), row.repeat) for row in measured if row.phase}
        for step in _steps(plan):
            variants = missing([job for job in step if isinstance(job, Time)], measured)
            extras = [
                job
                for job in step
                if isinstance(job, Extra) and (job.backend, job.extra, job.repeat) not in explained
            ]
            if variants or extras:
                return [*variants, *extras]
        return []

    def answer(self, plan: OverheadPlan, rows: Sequence[Row], run: LoadedRun) -> Answer:
        """Judge every variant, and what explains it."""
        usable = usable_rows(run.folder, times(rows))
        problem = next((row.problem for row in usable if row.problem), plan.problem)
        breakdown: Ladder = ladder(
            usable,
            problem=problem,
            threads=plan.threads or 1,
            removes=plan.removes,
            operations=plan.operations,
            bytes_moved=plan.bytes_moved,
            hangs={hang.backend: str(hang) for hang in run.run.hangs if hang.is_of(plan.problem)},
            others=run.others,
        )
        together = starts_of([*usable, *(row for row in run.others if row.problem == problem)])
        return replace(
            rendered(breakdown, usable, together),
            warnings=tuple(_not_measured(usable)),
            next=("perceptron", "advise", "--problem", plan.problem),
        )


# --- what is measured, in its order --------------------------------------------------------------


def _steps(plan: OverheadPlan) -> Iterator[Sequence[Job]]:
    """Yield jobs step by step: every variant three times, what explains them, then more repeats.

    So a short run has an interval of each variant. Extras of a device come before the host's.
    Variants whose samples must be long come last in the first repeat, so that they do not take the
    time of all others.
    """
    problem = catalogue.look_up(plan.problem)
    for repeat in range(_FIRST):
        yield from _variants(plan, problem, repeat)
    yield from _explained(plan)
    for repeat in range(_FIRST, plan.repeats):
        yield from _variants(plan, problem, repeat)
        yield _phases(plan, repeat)


def _variants(plan: OverheadPlan, problem: Problem, repeat: int) -> Iterator[list[Job]]:
    """Yield the variants of a repeat at once: they are compared with each other.

    The first repeat, which also checks them, has a step for as many as there are cores: where the
    time ends early, some variants are measured.
    """
    names, at_once = list(plan.backends), len(plan.backends)
    if repeat == 0:
        here = _here(plan)  # a backend that cannot run costs no time: first
        names.sort(key=lambda name: (name in here, _least_seconds(name, problem)))
        at_once = usable_cores()
    for first in range(0, len(names), max(1, at_once)):
        yield [
            Time(
                problem=plan.problem,
                backend=name,
                dtype=plan.dtype_of(name),
                threads=plan.threads or 1,
                repeat=repeat,
                samples=_SAMPLES,
                minimum_seconds=plan.minimum_seconds,
                lasts=False,
                shares_compiled=True,
            )
            for name in names[first : first + at_once]
        ]


def _least_seconds(backend: str, problem: Problem) -> float:
    with suppress(Exception):  # untrusted code may do anything
        return least_seconds_of(registry.load(backend), problem)
    return 0.0


def _explained(plan: OverheadPlan) -> Iterator[list[Extra]]:
    """Yield the extras that explain the variants, the most useful first, each in its own process.

    Extras of a step start side by side.
    """
    # A backend that trains in other processes shows nothing of its device in this one.
    on_devices = [
        name
        for name in _here(plan)
        if accelerator_of(backend := registry.load(name)) is not None
        and not isinstance(backend, Distributed)
    ]
    drivers = _drivers(on_devices)
    yield [_explain(plan, name, PROFILE) for name in on_devices]
    yield [_explain(plan, name, ENERGY) for name in on_devices]
    for repeat in range(_FIRST):
        # Alone: what a process pays once is timed from its start.
        yield from ([_explain(plan, name, DEVICE, repeat)] for name in drivers)
    yield [_explain(plan, "numpy", HARNESS)]
    # Each of a device costs a context, and a device does not wait for a core: once.
    yield [_explain(plan, name, CEILING) for name in ("numpy", *drivers)]
    yield [_explain(plan, "numpy", CEILING, repeat) for repeat in range(1, _FIRST)]
    countable = [name for name in plan.backends if hasattr(registry.load(name), "kernels")]
    yield [_explain(plan, name, KERNELS) for name in countable]
    for repeat in range(_FIRST):
        yield _phases(plan, repeat)


def _phases(plan: OverheadPlan, repeat: int) -> list[Extra]:
    phased = [name for name in _here(plan) if getattr(registry.load(name), "phased", False)]
    return [_explain(plan, name, PHASES, repeat) for name in phased]


def _explain(plan: OverheadPlan, backend: str, extra: ExtraName, repeat: int = 0) -> Extra:
    return Extra(
        problem=plan.problem,
        backend=backend,
        dtype="float32" if extra == CEILING else plan.dtype_of(backend),
        threads=plan.threads or 1,
        repeat=repeat,
        extra=extra,
        samples=_SAMPLES,
        minimum_seconds=plan.minimum_seconds,
        shares_compiled=True,
    )


def _here(plan: OverheadPlan) -> list[str]:
    return [name for name in plan.backends if registry.reason_unavailable(name) is None]


def _drivers(names: Sequence[str]) -> list[str]:
    """Return a backend for each library that drives a device, a default backend if possible."""
    drivers: dict[tuple[str, type], str] = {}
    for name in sorted(names, key=lambda name: name not in registry.DEFAULT):
        backend = registry.load(name)
        drivers.setdefault((backend.device, type(accelerator_of(backend))), name)
    return list(drivers.values())


def _extra_of(row: Measurement) -> str | None:
    """Return the extra that a row belongs to; None of a training."""
    if row.phase is None:
        return None
    return row.family if row.family in EXTRAS else PHASES


def _not_measured(rows: Sequence[Measurement]) -> list[MeasurementWarning]:
    """Return a warning for each extra that could not be measured in part.

    A backend that cannot run here has the reason in its variant.
    """
    refused = {row.backend for row in rows if row.phase is None and row.status == "skipped"}
    there = {(_extra_of(row), row.backend, row.repeat) for row in rows if row.status == "ok"}
    failed = {
        (extra, row.backend): row.reason
        for row in rows
        if (extra := _extra_of(row)) is not None
        and row.status == "failed"
        and row.backend not in refused
        and (extra, row.backend, row.repeat) not in there
    }
    return [
        MeasurementWarning(
            code="not-measured",
            message=f"{extra} of {backend}: {reason}",
            advice="the answer leaves it out; run the same command to try it again",
        )
        for (extra, backend), reason in failed.items()
    ]


# --- the variants -------------------------------------------------------------------------------


def _ladders(problem: Problem, counts: Sequence[int] = ()) -> dict[str, dict[str, str]]:
    """Return the ladder of each device for this problem, the CPU's first; see `variants`."""
    devices = dict.fromkeys(registry.load(name).device for name in registry.names())
    batches, models = problem.batch is not None, problem.models > 1
    of_all = {device: variants(device, batches, counts, models) for device in ("cpu", *devices)}
    return {device: steps for device, steps in of_all.items() if steps}


def _removed(problem: Problem, backends: Sequence[str]) -> dict[str, str]:
    """Return the overhead that each variant removes from the one before it, by backend.

    On a device of which ``backends`` train over several processes, that is the ladder of these.
    """
    over = _ladders(problem, counts_of(backends))
    removes: dict[str, str] = {}
    for device, steps in _ladders(problem).items():
        removes |= steps
        if not set(backends).isdisjoint(over[device].keys() - steps.keys()):
            removes |= over[device]
    return removes


def _variants_over(
    problem: Problem, named: Sequence[str], counts: Sequence[int]
) -> tuple[str, ...]:
    """Return the backends ``named``, else all variants, over each of these counts of processes.

    Those are of the CPU and of each device that is there: of which the first backend of its ladder
    in one process can run. Raises `UserError` if there are counts and none of those named takes
    them, or none at all.
    """
    if named:
        return registry.over_processes(named, counts)
    refuse_processes(problem, counts)
    names: list[str] = []
    over = _ladders(problem, counts)
    for device, steps in _ladders(problem).items():
        if device == "cpu" or registry.reason_unavailable(next(iter(steps))) is None:
            names += over[device]
        elif _SAYS_SO in steps:
            names.append(_SAYS_SO)
    return tuple(names)
