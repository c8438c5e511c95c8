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


def test_each_backend_of_two_machines_is_one_group_in_its_newest_state() -> None:
    found = groups(*on("a", "b"), *on("a", **OLD))
    assert [(one.alike.family, one.backend) for one in found] == [
        ("mlp-width", "numpy"),
        ("mlp-width", "torch-cpu"),
    ]
    for one in found:
        newest = [(sweep.ground.machine, sweep.state.commit) for sweep, _ in one.curves]
        assert newest == [("a", "abc"), ("b", "abc")]
    assert groups(*on("a"), *on("a", threads=1)) == [], "one machine has none"


def test_dtypes_never_mix_and_threads_say_so() -> None:
    found = groups(*on("a"), *on("b", dtype="float64"), *on("a", "c", threads=1))
    assert {one.alike.ground.dtype for one in found} == {"float32"}
    lines = [(sweep.ground.machine, sweep.ground.threads) for sweep, _ in found[0].curves]
    assert lines == [("a", 1), ("a", 2), ("c", 1)]


def test_another_training_or_problem_is_another_group() -> None:
    """A batch, an optimizer, or a model file of the same name with other contents."""
    other = [
        replace(row, machine="b", problem=f"model.toml@1:{row.size}", family="model")
        for row in line()
    ]
    same = [replace(row, machine="a", problem=f"model.toml@2:{row.size}") for row in other]
    assert groups(*other, *same) == []
    assert groups(*on("a"), *on("b", optimizer="adam", batch=8)) == []


def test_another_definition_of_one_name_is_left_out_and_named() -> None:
    """As of an older checkout; rows without a digest stand with the newest."""
    newest = on("a", "b", problem_digest="new", when="2026-02-01T00:00:00Z")
    old = on("c", "d", problem_digest="old", when="2026-01-01T00:00:00Z")
    unknown = on("e", when="2025-12-01T00:00:00Z")
    found = [one for one in groups(*old, *newest, *unknown) if one.backend == "numpy"]
    assert [[sweep.ground.machine for sweep, _ in one.curves] for one in found] == [
        ["a", "b", "e"],
    ]
    assert found[0].outdated == ["c", "d"]
