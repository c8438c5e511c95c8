"""What of several machines stands together, and what is kept apart."""

from __future__ import annotations

from msgspec.structs import replace

from perceptron.questions.crossover.page import BackendOnMachines, backends_on_machines
from perceptron.questions.crossover.sweep import sweeps
from perceptron.records.measurement import Measurement
from tests.made import line


def on(*machines: str, **fields: object) -> list[Measurement]:
    return [
        replace(row, **({"machine": machine} | fields)) for machine in machines for row in line()
    ]


OLD = {"commit": "old", "when": "2025-01-01T00:00:00Z"}


def groups(*rows: Measurement) -> list[BackendOnMachines]:
    return backends_on_machines(sweeps(rows))


def test_machine_groups_use_newest_state_per_backend() -> None:
    on_machines = groups(*on("a", "b"), *on("a", **OLD))
    assert [(group.alike.family, group.backend) for group in on_machines] == [
        ("mlp-width", "numpy"),
        ("mlp-width", "torch-cpu"),
    ]
    for group in on_machines:
        newest = [(sweep.comparison_key.machine, sweep.state.commit) for sweep, _ in group.curves]
        assert newest == [("a", "abc"), ("b", "abc")]
    assert groups(*on("a"), *on("a", threads=1)) == [], "one machine has none"


def test_another_training_or_problem_is_another_group() -> None:
    """A batch, an optimizer, or a model file of the same name with other contents."""
    other = [
        replace(row, machine="b", problem=f"model.toml@1:{row.size}", family="model")
        for row in line()
    ]
    same = [replace(row, machine="a", problem=f"model.toml@2:{row.size}") for row in other]
    assert groups(*other, *same) == []
    assert groups(*on("a"), *on("b", optimizer="adam", batch=8)) == []
