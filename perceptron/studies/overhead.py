"""Where one iteration's time goes: the ladder, the phases of its top, the machine's ceilings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perceptron.analysis.overhead import ladder as judge
from perceptron.analysis.overhead.roofline import CEILING
from perceptron.analysis.stored.finding import FAMILY
from perceptron.backends import registry
from perceptron.backends.ladder import GPU_LADDER, LADDER
from perceptron.machine import usable_cores
from perceptron.measure.job import Extra, Job, Part
from perceptron.measure.launch import Workers
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue, cost, files
from perceptron.problems.problem import DType
from perceptron.records.measurement import Measurement
from perceptron.studies.shared.campaign import Task, run_tasks
from perceptron.studies.shared.opening import OpenRun, plain, start_run
from perceptron.studies.shared.progress import Progress
from perceptron.studies.shared.published import published_dtype

# Backends whose iterations consist of phases.
_PHASED = ("torch-cpu", "torch-cuda")
# The walk-through's problems.
_PUBLISHED = (FAMILY, "symptoms", "xor")


@dataclass(frozen=True)
class OverheadPlan:
    """A problem and the rungs to measure on it; equal plans are the same run."""

    problem: str = FAMILY
    backends: tuple[str, ...] = ()
    """Empty: the ladder, with that of the GPU where there is one."""
    dtype: DType | None = None
    """None: as published on the walk-through's problems, float32 on all others."""
    threads: int = 0
    """0 for all cores that this process may use."""
    quick: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "problem", catalogue.find(self.problem).name)
        here = registry.reason_unavailable("torch-cuda") is None
        all_rungs = (*LADDER, *(GPU_LADDER if here else ("torch-cuda",)))
        object.__setattr__(self, "backends", self.backends or all_rungs)
        for name in self.backends:
            registry.load(name)  # raises for a name that there is not
        object.__setattr__(self, "threads", self.threads or usable_cores())

    @property
    def processes(self) -> int:
        return 3 if self.quick else 8

    @property
    def effort(self) -> Effort:
        return Effort(samples=5, minimum_seconds=0.005 if self.quick else 0.01)

    def dtype_of(self, backend: str) -> DType:
        """What this rung computes in."""
        if self.dtype is not None:
            return self.dtype
        published = self.problem in _PUBLISHED
        return published_dtype(backend) if published else "float32"


def overhead(
    plan: OverheadPlan, machine: str | None, results: Path, progress: Progress
) -> judge.OverheadResult:
    """Measure every rung in fresh processes, side by side, and what explains it.

    Raises `UserError` if the results folder cannot be written to.
    """
    problem = catalogue.find(plan.problem)
    # What the judge needs beside the rows is counted and belongs to the plan.
    about: dict[str, Any] = plain(asdict(plan)) | {
        "study": "overhead",
        "removes": {name: {**LADDER, **GPU_LADDER}.get(name, "–") for name in plan.backends},
        "kernels": kernels(plan),
        "operations": cost.operations(problem),
        "bytes_moved": cost.bytes_moved(problem, "float32"),
        "processes": plan.processes,
        "contents": files.fingerprints([plan.problem] if files.is_file(plan.problem) else []),
    }
    with start_run(about, plan.backends, plan.threads, machine, results, plan.quick) as run:
        tasks = [
            Task(
                problem=plan.problem,
                backend=name,
                dtype=plan.dtype_of(name),
                threads=plan.threads,
                process=process,
                group="ladder",
                effort=plan.effort,
            )
            for process in range(plan.processes)
            for name in plan.backends
        ]
        run_tasks(tasks, run.journal, run.run, progress)
        _Extras(plan, run, progress).measure_all()
        return judge.ladder(
            run.journal.rows,
            problem=plan.problem,
            removes=about["removes"],
            kernels=about["kernels"],
            work=(about["operations"], about["bytes_moved"]),
            threads=plan.threads,
            results=run.journal.folder,
            environment=run.environment,
            warnings=run.warnings(plan.threads),
        )


def kernels(plan: OverheadPlan) -> dict[str, int]:
    """Kernels of one iteration, by backend, for those that can count them."""
    countable = [name for name in plan.backends if hasattr(registry.load(name), "kernels")]
    counts = {name: len(list(_parts(plan, name, "kernels"))) for name in countable}
    return {name: count for name, count in counts.items() if count}  # none: it could not be asked


def _parts(plan: OverheadPlan, name: str, extra: Extra) -> Iterator[Part]:
    job = Job(
        backend=name,
        problems=[plan.problem],
        dtype="float32" if extra == "ceilings" else plan.dtype_of(name),
        threads=plan.threads,
        samples=plan.effort.samples,
        minimum_seconds=plan.effort.minimum_seconds,
        extra=extra,
    )
    with Workers() as workers:
        for outcome in workers.run("", job, registry.load(name)):
            yield from outcome.parts


class _Extras:
    """What is measured beside the rungs, each in processes of its own."""

    def __init__(self, plan: OverheadPlan, run: OpenRun, progress: Progress) -> None:
        self._plan = plan
        self._run = run
        self._progress = progress

    def measure_all(self) -> None:
        """Phases in every process, ceilings in three, the harness in one; what is missing."""
        plan = self._plan
        wanted: list[tuple[str, Extra, int]] = [
            (name, "phases", process)
            for process in range(plan.processes)
            for name in _PHASED
            if name in plan.backends and registry.reason_unavailable(name) is None
        ]
        wanted += [("numpy", "ceilings", process) for process in range(3)]
        wanted += [("numpy", "harness", 0)]
        for place, (name, extra, process) in enumerate(wanted):
            self._progress(place, len(wanted), f"{extra} of {name}")
            if not self._is_measured(name, extra, process):
                for part in _parts(plan, name, extra):
                    self._run.journal.append(self._row(name, extra, process, part))
        self._progress(len(wanted), len(wanted), "done")

    def _is_measured(self, name: str, extra: Extra, process: int) -> bool:
        return any(
            row.backend == name and row.process == process and row.phase and row.family == family
            for row in self._run.journal.rows
            for family in [self._family(extra)]
        )

    def _family(self, extra: Extra) -> str:
        named = {"ceilings": CEILING, "harness": judge.HARNESS}
        return named.get(extra) or catalogue.find(self._plan.problem).family

    def _row(self, name: str, extra: Extra, process: int, part: Part) -> Measurement:
        plan = self._plan
        problem = catalogue.find(plan.problem)
        return self._run.run.row(
            process=process,
            problem=problem.name if extra == "phases" else None,
            family=self._family(extra),
            size=problem.size if extra == "phases" else part.work,
            phase=part.name,
            backend=name,
            device=registry.load(name).device,
            dtype="float32" if extra == "ceilings" else plan.dtype_of(name),
            threads=plan.threads,
            seconds=part.seconds,
            samples=part.samples,
            iterations=part.iterations,
        )
