"""What the main job measures first, and where it spends what is left."""

from __future__ import annotations

from collections import Counter
from math import exp

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.analysis.crossover.locator import doubt_of
from perceptron.measure.job import Time
from perceptron.problems import catalogue
from perceptron.records.measurement import Measurement
from perceptron.studies.bench import BenchPlan, next_jobs, sweep_jobs
from tests.made import measured

PLAN = BenchPlan(
    families=("mlp-width", "mlp-depth"), backends=("numpy", "torch-cpu"), threads=(1,)
).resolved()
JOBS = sweep_jobs(PLAN, PLAN.sweep(), range(1))


class Machine:
    """Measures jobs as long as it has any left, with a noise for each family."""

    def __init__(
        self, allowed: int, noise: dict[str, float], near: str = "", plan: BenchPlan = PLAN
    ) -> None:
        self.rows: list[Measurement] = []
        self.order: list[Time] = []
        self._allowed = allowed
        self._noise = noise
        self._near = near
        self._plan = plan

    def measure(self) -> bool:
        """Return whether there was time for all that is asked for."""
        while jobs := next_jobs(self._plan, self.rows):
            for job in sorted(jobs, key=lambda job: job.repeat):
                if len(self.order) == self._allowed:
                    return False
                self.order.append(job)
                self.rows.append(self._row(job))
        return True

    def _row(self, job: Time) -> Measurement:
        problem = catalogue.find(job.problem)
        lead = 1.0 if job.backend == "numpy" else 1.1 if problem.family == self._near else 2.0
        random = np.random.default_rng([len(self.order), len(job.backend)])
        return measured(
            problem=problem.name,
            family=problem.family,
            size=problem.size,
            backend=job.backend,
            dtype=job.dtype,
            threads=job.threads,
            repeat=job.repeat,
            seconds=1e-5 * lead * exp(random.normal(0, self._noise.get(problem.family, 0.01))),
        )

    def processes(self) -> Counter[tuple[str, str]]:
        """Return those of each size of the sweep on each backend."""
        return Counter(
            (row.problem or "", row.backend) for row in self.rows if row.family != "or-gate"
        )


def spent(allowed: int, noise: dict[str, float], near: str = "") -> tuple[Machine, bool]:
    machine = Machine(allowed, noise, near)
    return machine, machine.measure()


def test_a_quiet_machine_measures_everything_enough_and_no_more() -> None:
    machine, had_time = spent(10_000, {})
    assert had_time
    assert set(machine.processes().values()) == {PLAN.rounds}
    assert len(machine.processes()) == len(JOBS)


def test_in_a_look_some_sizes_get_all_their_first_processes_before_others_get_any() -> None:
    """Of every family: from one process of each nothing follows."""
    look = BenchPlan(backends=PLAN.backends, threads=(1,), quick=True).resolved()
    first = look.first_rounds
    early = first * len(look.finding_backends)
    machine = Machine(early + 8 * first * len(look.backends) + 1, {}, plan=look)
    assert not machine.measure()
    full = {name for (name, _), count in machine.processes().items() if count == first}
    assert len(full) == 8
    families = {problem.name: problem.family for problem in look.sweep()}
    assert {families[name] for name in full} == set(look.families)


def test_more_than_enough_goes_to_sizes_that_are_not_sure() -> None:
    """And to no others, up to the most."""
    machine, had_time = spent(10_000, {"mlp-width": 0.5}, near="mlp-width")
    assert had_time
    counts = machine.processes()
    extra = {name for (name, _), count in counts.items() if count > PLAN.rounds}
    assert extra
    assert all(name.startswith("mlp-width:") for name in extra)
    assert max(counts.values()) <= 2 * PLAN.rounds
    sizes = doubt_of(row for row in machine.rows if row.family == "mlp-width").sizes
    for size in sizes:  # still in doubt: they have had all that there is
        assert counts[f"mlp-width:{size:.0f}", "numpy"] == 2 * PLAN.rounds


@settings(max_examples=25)
@given(
    allowed=st.integers(0, 1500),
    noise=st.fixed_dictionaries(
        {"mlp-width": st.floats(0.001, 1.0), "mlp-depth": st.floats(0.001, 1.0)}
    ),
)
def test_all_have_their_first_processes_before_any_has_more(
    allowed: int, noise: dict[str, float]
) -> None:
    """Enough for all before any has more than that."""
    machine, had_time = spent(allowed, noise)
    counts: Counter[tuple[str, str]] = Counter()
    for job in machine.order:
        if job.problem == "or-gate":
            continue
        fewest = min(counts[other.problem, other.backend] for other in JOBS)
        if job.repeat >= PLAN.first_rounds:
            assert fewest >= PLAN.first_rounds
        if job.repeat >= PLAN.rounds:
            assert fewest >= PLAN.rounds
        counts[job.problem, job.backend] += 1
    if had_time:
        assert min(counts[job.problem, job.backend] for job in JOBS) >= PLAN.rounds
