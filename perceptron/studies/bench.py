"""The main job: the finding, the sweep over the families, and the crossovers in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perceptron.analysis.stored.bench import BenchResult, summarise
from perceptron.analysis.stored.finding import FAMILY, ITERATIONS, finding_backends
from perceptron.backends import registry
from perceptron.errors import UserError, unknown
from perceptron.machine import usable_cores
from perceptron.measure.timing import Effort
from perceptron.problems import catalogue, files
from perceptron.problems.cost import bytes_moved
from perceptron.problems.families import FAMILIES, Family, Size
from perceptron.problems.problem import DType, Problem
from perceptron.studies.shared.campaign import Task, run_tasks
from perceptron.studies.shared.opening import contents, plain, refuse_edited_files, start_run
from perceptron.studies.shared.progress import Progress
from perceptron.studies.shared.published import published_dtype
from perceptron.studies.shared.quiet import LOOK_ONCE, Quiet
from perceptron.studies.shared.sweep import QUICK_BYTES, SWEEP


@dataclass(frozen=True)
class BenchPlan:
    """What to measure and how hard; equal plans are the same run."""

    families: tuple[str, ...] = SWEEP
    backends: tuple[str, ...] = registry.DEFAULT
    dtype: DType = "float32"
    threads: tuple[int, ...] = ()
    """Empty: all cores that this process may use."""
    quick: bool = False
    problems: tuple[Problem, ...] = ()
    """Of the user's own model files, each size one, beside the families."""

    def __post_init__(self) -> None:
        for name in self.families:
            if name not in FAMILIES:
                raise unknown("family", name, FAMILIES)
        for name in self.backends:
            registry.load(name)  # raises for an unknown name
        if not self.threads:
            object.__setattr__(self, "threads", (usable_cores(),))
        if any(count < 1 for count in self.threads):
            raise UserError(f"--threads must be at least 1, got {min(self.threads)}")
        own = {problem.reference: problem for problem in self.problems}
        files.refuse_namesakes(own)
        object.__setattr__(self, "problems", tuple(own.values()))

    @property
    def processes(self) -> int:
        return 4 if self.quick else 8

    @property
    def sweep_effort(self) -> Effort:
        return Effort(samples=5, minimum_seconds=0.005 if self.quick else 0.01)

    @property
    def finding_effort(self) -> Effort:
        return Effort(samples=1 if self.quick else 3, iterations=ITERATIONS)

    @property
    def finding_backends(self) -> tuple[str, ...]:
        return finding_backends(self.backends)

    @property
    def whole(self) -> bool:
        """Whether it leaves nothing of the main job out."""
        return (
            not self.quick
            and set(SWEEP) <= set(self.families)
            and set(registry.DEFAULT) <= set(self.backends)
        )

    def sizes(self, family: Family) -> tuple[Size, ...]:
        """Return all sizes, or in quick mode every other one of those that take milliseconds."""
        if not self.quick:
            return family.sizes
        short = [
            size
            for size in family.sizes
            if bytes_moved(family.problem(*size), "float32") <= QUICK_BYTES
        ]
        return tuple(reversed(short[::-2]))

    def sweep(self) -> list[Problem]:
        """Return every problem beside the finding; quick mode leaves out none of the user's own."""
        ours = [
            FAMILIES[name].problem(*size)
            for name in self.families
            for size in self.sizes(FAMILIES[name])
        ]
        return [*ours, *self.problems]


def bench(
    plan: BenchPlan,
    machine: str | None,
    results: Path,
    progress: Progress,
    quiet: Quiet = LOOK_ONCE,
) -> BenchResult:
    """Run the plan, or resume it where it was interrupted, and judge what was measured.

    Raises `UserError` if the results folder cannot be written to, or if a file of the user's own
    did not stay as it was.
    """
    with start_run(
        _as_json(plan), plan.backends, max(plan.threads), machine, results, plan.quick, quiet
    ) as run:
        run_tasks(tasks(plan), run.journal, run.run, progress)
        refuse_edited_files(plan.problems, run.run.plan["contents"])
        journal = run.journal
        return summarise(
            plan.backends,
            journal.folder,
            run.environment,
            journal.rows,
            run.warnings(max(plan.threads)),
        )


def tasks(plan: BenchPlan) -> list[Task]:
    """Return a task for every row of the plan."""
    finding = catalogue.find(FAMILY)
    sweep = plan.sweep()
    planned = []
    for process in range(plan.processes):
        for threads in plan.threads:
            planned += [
                _finding_task(plan, finding, backend, threads, process)
                for backend in plan.finding_backends
            ]
            for problem in sweep:
                # In quick mode one worker takes all families: starting it costs more than they.
                group = "sweep" if plan.quick else problem.family
                planned += [
                    Task(
                        problem=problem,
                        backend=backend,
                        dtype=plan.dtype,
                        threads=threads,
                        process=process,
                        group=f"{group} {threads}",
                        effort=plan.sweep_effort,
                    )
                    for backend in plan.backends
                ]
    return planned


def _finding_task(
    plan: BenchPlan, finding: Problem, backend: str, threads: int, process: int
) -> Task:
    return Task(
        problem=finding,
        backend=backend,
        dtype=published_dtype(backend),
        threads=threads,
        process=process,
        group=f"finding {threads}",
        effort=plan.finding_effort,
    )


def _as_json(plan: BenchPlan) -> dict[str, object]:
    return plain(plan) | {
        "study": "bench",
        "processes": plan.processes,
        "whole": plan.whole,
        "contents": contents(plan.problems),
    }
