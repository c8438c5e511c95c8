"""What the main job measures first, if there is no time for all."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.measure.job import Time
from perceptron.problems import catalogue
from perceptron.records.measurement import Measurement
from perceptron.studies.bench import BenchPlan, next_jobs, sweep_jobs
from tests.made import measured

PLAN = BenchPlan(
    families=("mlp-width", "mlp-depth"), backends=("numpy", "torch-cpu"), threads=(1,)
).resolved()
JOBS = sweep_jobs(PLAN, PLAN.sweep(), range(1))


def measured_jobs(plan: BenchPlan, allowed: int) -> list[Time]:
    """Return the jobs that are measured, in order, where there is time for so many."""
    order: list[Time] = []
    rows: list[Measurement] = []
    while jobs := next_jobs(plan, rows):
        for job in sorted(jobs, key=lambda job: job.repeat):
            if len(order) == allowed:
                return order
            order.append(job)
            problem = catalogue.find(job.problem)
            rows.append(
                measured(
                    problem=problem.name,
                    family=problem.family,
                    size=problem.size,
                    backend=job.backend,
                    dtype=job.dtype,
                    threads=job.threads,
                    repeat=job.repeat,
                )
            )
    return order


def test_in_a_look_some_sizes_get_all_their_first_processes_before_others_get_any() -> None:
    """Of every family: from one process of each nothing follows."""
    look = BenchPlan(backends=PLAN.backends, threads=(1,), quick=True).resolved()
    first = look.first_rounds
    early = first * len(look.finding_backends)
    order = measured_jobs(look, early + 8 * first * len(look.backends) + 1)
    counts = Counter((job.problem, job.backend) for job in order if job.problem != "or-gate")
    full = {name for (name, _), count in counts.items() if count == first}
    assert len(full) == 8
    families = {problem.name: problem.family for problem in look.sweep()}
    assert {families[name] for name in full} == set(look.families)


@settings(max_examples=15)
@given(st.integers(0, 1500))
def test_all_have_their_first_processes_before_any_has_more(allowed: int) -> None:
    """And each further process before any has the next: repeats of some pair up with nothing."""
    counts: Counter[tuple[str, str]] = Counter()
    for job in measured_jobs(PLAN, allowed):
        if job.problem != "or-gate":
            fewest = min(counts[other.problem, other.backend] for other in JOBS)
            assert job.repeat < PLAN.first_rounds or fewest >= job.repeat
            counts[job.problem, job.backend] += 1


def test_with_enough_time_every_size_has_all_its_rounds() -> None:
    order = [job for job in measured_jobs(PLAN, 10_000) if job.problem != "or-gate"]
    counts = Counter((job.problem, job.backend) for job in order)
    assert counts == Counter({(job.problem, job.backend): PLAN.rounds for job in JOBS})
