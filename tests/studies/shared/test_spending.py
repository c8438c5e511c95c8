from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import exp

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from perceptron.analysis.crossover.doubt import doubt_of
from perceptron.records.measurement import Measurement
from perceptron.studies.bench import BenchPlan, sweep_tasks
from perceptron.studies.shared.spending import Levels, spend
from perceptron.studies.shared.task import Task, remaining
from tests.made import measured

PLAN = BenchPlan(families=("mlp-width", "mlp-depth"), backends=("numpy", "torch-cpu"), threads=(1,))
TASKS = sweep_tasks(PLAN)
LEVELS = Levels(first=3, enough=8, most=16)


class Machine:
    """Measures tasks as long as it has any left, with a noise for each family."""

    def __init__(self, allowed: int, noise: dict[str, float], near: str = "") -> None:
        self.rows: list[Measurement] = []
        self.order: list[Task] = []
        self.calls: list[list[Task]] = []
        """What was measured at each request, in shared workers where the process is the same."""
        self._allowed = allowed
        self._noise = noise
        self._near = near

    def measure(self, tasks: Sequence[Task]) -> None:
        begun = remaining(tasks, self.rows)[: self._allowed - len(self.order)]
        self.calls.append(begun)
        for task in begun:
            self.order.append(task)
            self.rows.append(self._row(task))

    def fits(self, tasks: Sequence[Task]) -> bool:
        return len(self.order) + len(remaining(tasks, self.rows)) <= self._allowed

    def _row(self, task: Task) -> Measurement:
        family = task.problem.family
        lead = 1.0 if task.backend == "numpy" else 1.1 if family == self._near else 2.0
        random = np.random.default_rng([len(self.order), len(task.backend)])
        return measured(
            problem=task.problem.name,
            family=family,
            size=task.problem.size,
            backend=task.backend,
            threads=task.threads,
            process=task.process,
            seconds=1e-5 * lead * exp(random.normal(0, self._noise.get(family, 0.01))),
        )

    def processes(self) -> Counter[tuple[str, str]]:
        return Counter((row.problem or "", row.backend) for row in self.rows)


def spent(allowed: int, noise: dict[str, float], near: str = "") -> tuple[Machine, bool]:
    machine = Machine(allowed, noise, near)
    return machine, spend(TASKS, LEVELS, machine.rows, machine.measure, fits=machine.fits)


def test_a_quiet_machine_measures_everything_enough_and_no_more() -> None:
    machine, had_time = spent(10_000, {})
    assert had_time
    assert set(machine.processes().values()) == {LEVELS.enough}
    assert len(machine.processes()) == len(TASKS)


def test_what_is_wide_comes_before_what_is_narrow() -> None:
    """Where there is time for one more family only, it is the noisy one."""
    rest = len(TASKS) * 3 + 5 * len([task for task in TASKS if task.problem.family == "mlp-depth"])
    machine, had_time = spent(rest, {"mlp-depth": 0.3})
    assert not had_time
    counts = machine.processes()
    families = {task.problem.name: task.problem.family for task in TASKS}
    assert {count for (name, _), count in counts.items() if families[name] == "mlp-depth"} == {8}
    assert {count for (name, _), count in counts.items() if families[name] == "mlp-width"} == {3}


def test_where_not_even_the_first_processes_fit_some_sizes_get_all_of_them() -> None:
    """Those listed first, the ends of each family: from one process of each nothing follows."""
    machine, had_time = spent(4 * LEVELS.first * len(PLAN.backends) + 1, {})
    assert not had_time
    full = {name for (name, _), count in machine.processes().items() if count == LEVELS.first}
    assert full == {"mlp-width:2", "mlp-depth:1", "mlp-width:8192", "mlp-depth:64"}


def test_more_than_enough_goes_to_sizes_that_are_not_sure() -> None:
    """And to no others, up to the most."""
    machine, had_time = spent(10_000, {"mlp-width": 0.5}, near="mlp-width")
    assert had_time
    counts = machine.processes()
    extra = {name for (name, _), count in counts.items() if count > LEVELS.enough}
    assert extra
    assert all(name.startswith("mlp-width:") for name in extra)
    assert max(counts.values()) <= LEVELS.most
    sizes = doubt_of(row for row in machine.rows if row.family == "mlp-width").sizes
    for size in sizes:  # still in doubt: they have had all that there is
        assert counts[f"mlp-width:{size:.0f}", "numpy"] == LEVELS.most


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
    """Enough for all before any has more than that, and never more than there was time for."""
    machine, had_time = spent(allowed, noise)
    assert len(machine.order) <= allowed
    counts: Counter[tuple[str, str]] = Counter()
    for task in machine.order:
        fewest = min(counts.get((other.problem.name, other.backend), 0) for other in TASKS)
        if task.process >= LEVELS.first:
            assert fewest >= LEVELS.first
        if task.process >= LEVELS.enough:
            assert fewest >= LEVELS.enough
        counts[task.problem.name, task.backend] += 1
    if had_time:
        assert min(counts[task.problem.name, task.backend] for task in TASKS) >= LEVELS.enough
    else:
        assert len(machine.order) == allowed
