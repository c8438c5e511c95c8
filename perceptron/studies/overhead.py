"""Where one iteration's time goes: the ladder, its iteration phases, the machine's ceilings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perceptron.analysis.overhead import ladder as judge
from perceptron.analysis.overhead.roofline import CEILING
from perceptron.analysis.stored.finding import FAMILY, published_iteration_seconds
from perceptron.backends import registry
from perceptron.backends.ladder import rungs
from perceptron.machine import usable_cores
from perceptron.measure.job import Extra, Job, Outcome, Part
from perceptron.measure.launch import Workers
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue, cost
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement
from perceptron.records.warning import MeasurementWarning
from perceptron.studies.shared.campaign import Task, run_tasks
from perceptron.studies.shared.opening import OpenRun, contents, plain, start_run
from perceptron.studies.shared.progress import Progress
from perceptron.studies.shared.published import published_dtype
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet

# The walk-through's problems.
_PUBLISHED = (FAMILY, "symptoms", "xor")


@dataclass(frozen=True)
class OverheadPlan:
    """A problem and the rungs to measure on it; equal plans are the same run."""

    problem: Problem = catalogue.NAMED[FAMILY]
    backends: tuple[str, ...] = ()
    """Empty: the ladder, with that of the GPU where there is one."""
    dtype: DType | None = None
    """None: as published on the walk-through's problems, float32 on all others."""
    threads: int = 0
    """0 for all cores that this process may use."""
    quick: bool = False

    def __post_init__(self) -> None:
        here = registry.reason_unavailable("torch-cuda") is None
        all_rungs = (*rungs("cpu"), *(rungs("cuda") if here else ("torch-cuda",)))
        object.__setattr__(self, "backends", self.backends or all_rungs)
        for name in self.backends:
            registry.load(name)  # raises for an unknown name
        object.__setattr__(self, "threads", self.threads or usable_cores())

    @property
    def processes(self) -> int:
        return 3 if self.quick else 8

    @property
    def effort(self) -> Effort:
        return Effort(samples=5, minimum_seconds=0.005 if self.quick else 0.01)

    def dtype_of(self, backend: str) -> DType:
        """Return what this rung computes in."""
        if self.dtype is not None:
            return self.dtype
        published = self.problem.name in _PUBLISHED
        return published_dtype(backend) if published else "float32"


def overhead(
    plan: OverheadPlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    quiet: Quiet = LOOK_ONCE,
) -> judge.OverheadResult:
    """Measure every rung in fresh processes, side by side, and what explains it.

    Raises `UserError` if the results folder cannot be written to.
    """
    counts, not_counted = kernels(plan)
    ladder = rungs("cpu") | rungs("cuda")
    # What the judge needs beside the rows is counted and belongs to the plan.
    as_json: dict[str, Any] = plain(plan) | {
        "study": "overhead",
        "removes": {name: ladder.get(name, "–") for name in plan.backends},
        "kernels": counts,
        "operations": cost.operations(plan.problem),
        "bytes_moved": cost.bytes_moved(plan.problem, "float32"),
        "processes": plan.processes,
        "contents": contents([plan.problem]),
    }
    with start_run(
        as_json, plan.backends, plan.threads, machine, results, plan.quick, quiet
    ) as run:
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
        not_measured = _Extras(plan, run, progress).measure_all()
        return judge.ladder(
            run.journal.rows,
            problem=plan.problem.name,
            removes=as_json["removes"],
            kernels=counts,
            work=(as_json["operations"], as_json["bytes_moved"]),
            threads=plan.threads,
            published=published_iteration_seconds(plan.problem.name),
            results=run.journal.folder,
            environment=run.environment,
            warnings=[*run.warnings(plan.threads), *not_counted, *not_measured],
        )


def kernels(plan: OverheadPlan) -> tuple[dict[str, int], list[MeasurementWarning]]:
    """Count the kernels of one iteration, by backend, for those that can list them.

    Return a warning for each that should and did not; of one that cannot run here its rung says
    why.
    """
    counts: dict[str, int] = {}
    warnings = []
    for name in plan.backends:
        if not hasattr(registry.load(name), "kernels"):
            continue
        outcome = _measure(plan, name, "kernels")
        if outcome.status == "ok" and outcome.parts:
            counts[name] = len(outcome.parts)
        elif registry.reason_unavailable(name) is None:
            warnings.append(_missing(name, "kernels", outcome))
    return counts, warnings


def _missing(name: str, extra: Extra, outcome: Outcome) -> MeasurementWarning:
    return MeasurementWarning(
        code="not-measured",
        message=f"{extra} of {name}: {outcome.reason or 'nothing was measured'}",
        advice="what follows from it is left out; the same command tries it again",
    )


def _measure(plan: OverheadPlan, name: str, extra: Extra) -> Outcome:
    """Measure an extra of one backend in a fresh process."""
    job = Job(
        backend=name,
        problems=[plan.problem.reference],
        dtype="float32" if extra == "ceilings" else plan.dtype_of(name),
        threads=plan.threads,
        samples=plan.effort.samples,
        minimum_seconds=plan.effort.minimum_seconds,
        extra=extra,
    )
    with Workers() as workers:
        (outcome,) = workers.run("", job, registry.load(name))
    return outcome


class _Extras:
    """What is measured beside the rungs, each in processes of its own."""

    def __init__(self, plan: OverheadPlan, run: OpenRun, progress: Progress) -> None:
        self._plan = plan
        self._run = run
        self._progress = progress

    def measure_all(self) -> list[MeasurementWarning]:
        """Measure phases in every process, ceilings in three, the harness in one, unless done.

        Return a warning for each extra of which something could not be measured.
        """
        plan = self._plan
        wanted: list[tuple[str, Extra, int]] = [
            (name, "phases", process)
            for process in range(plan.processes)
            for name in plan.backends
            if getattr(registry.load(name), "phased", False)
            and registry.reason_unavailable(name) is None
        ]
        wanted += [("numpy", "ceilings", process) for process in range(3)]
        wanted += [("numpy", "harness", 0)]
        warnings: dict[tuple[str, Extra], MeasurementWarning] = {}
        for index, (name, extra, process) in enumerate(wanted):
            self._progress(index, len(wanted), f"{extra} of {name}")
            if self._is_measured(name, extra, process):
                continue
            outcome = _measure(plan, name, extra)
            if outcome.status != "ok":
                warnings.setdefault((name, extra), _missing(name, extra, outcome))
            for part in outcome.parts:
                self._run.journal.append(self._row(name, extra, process, part))
        self._progress(len(wanted), len(wanted), "done")
        return list(warnings.values())

    def _is_measured(self, name: str, extra: Extra, process: int) -> bool:
        return any(
            row.backend == name and row.process == process and row.phase and row.family == family
            for row in self._run.journal.rows
            for family in [self._family(extra)]
        )

    def _family(self, extra: Extra) -> str:
        named = {"ceilings": CEILING, "harness": judge.HARNESS}
        return named.get(extra) or self._plan.problem.family

    def _row(self, name: str, extra: Extra, process: int, part: Part) -> Measurement:
        plan = self._plan
        problem = plan.problem
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
