from __future__ import annotations

from msgspec.structs import replace

from perceptron.analysis.fleet.one_backend import BackendOnMachines, backends_on_machines
from perceptron.analysis.stored.sweep import sweeps
from perceptron.records.measurement import Measurement
from tests.made import line


def on(*machines: str, **fields: object) -> list[Measurement]:
    return [
        replace(row, **({"machine": machine} | fields)) for machine in machines for row in line()
    ]


def groups(*rows: Measurement) -> list[BackendOnMachines]:
    return backends_on_machines(sweeps(rows))


def test_each_backend_of_two_machines_is_one_group() -> None:
    found = groups(*on("a", "b"))
    assert [(one.family, one.backend) for one in found] == [
        ("mlp-width", "numpy"),
        ("mlp-width", "torch-cpu"),
    ]
    assert [[curve.machine for curve in one.curves] for one in found] == [["a", "b"]] * 2


def test_one_machine_has_none() -> None:
    assert groups(*on("a"), *on("a", threads=1)) == []


def test_dtypes_never_mix_and_threads_say_so() -> None:
    found = groups(*on("a"), *on("b", dtype="float64"), *on("a", "c", threads=1))
    assert {one.ground.dtype for one in found} == {"float32"}
    assert [(c.machine, c.threads) for c in found[0].curves] == [("a", 1), ("a", 2), ("c", 1)]


def test_another_training_or_problem_is_another_group() -> None:
    """A batch, an optimizer, or a model file of the same name with other contents."""
    other = [
        replace(row, machine="b", problem=f"model.toml@1:{row.size}", family="model")
        for row in line()
    ]
    same = [replace(row, machine="a", problem=f"model.toml@2:{row.size}") for row in other]
    assert groups(*other, *same) == []
    assert groups(*on("a"), *on("b", optimizer="adam", batch=8)) == []


def test_of_one_machine_the_newest_state_is_drawn() -> None:
    found = groups(*on("a", "b"), *on("a", commit="old", when="2025-01-01T00:00:00Z"))
    assert [curve.commit for curve in found[0].curves] == ["abc", "abc"]


def test_another_definition_of_one_name_is_another_group() -> None:
    """As of an older checkout; rows without a digest stand with the newest."""
    newest = on("a", "b", problem_digest="new", when="2026-02-01T00:00:00Z")
    old = on("c", "d", problem_digest="old", when="2026-01-01T00:00:00Z")
    unknown = on("e", when="2025-12-01T00:00:00Z")
    found = [one for one in groups(*old, *newest, *unknown) if one.backend == "numpy"]
    assert [[curve.machine for curve in one.curves] for one in found] == [
        ["a", "b", "e"],
        ["c", "d"],
    ]
