"""Shapes and measured times made up, for whoever asks which backend is the fastest."""

from __future__ import annotations

from random import Random
from typing import Any, Literal

from msgspec.structs import replace

from perceptron.analysis.work import MeasuredWork, TrainingShape, Work
from perceptron.studies.fastest.question import work_of

WHEN = "2026-01-01T00:00:00Z"


def work(**fields: Any) -> Work:
    """The work of a shape; any field of `TrainingShape` can be given."""
    return work_of(TrainingShape(**({"rows": 1000, "features": 20} | fields)), "float32")


def measured(of: Work, backend: str = "numpy", **fields: Any) -> MeasuredWork:
    """A row that is known to a tenth; any field can be given."""
    seconds = fields.get("seconds", 1.0)
    about = {"seconds": seconds, "low": seconds / 1.1, "high": seconds * 1.1}
    return MeasuredWork(
        **({"work": of, "backend": backend, "device": "cpu", "when": WHEN} | about | fields)
    )


def slower(row: MeasuredWork, times: float) -> MeasuredWork:
    """The row, if the backend took so many times as long."""
    ends = {name: getattr(row, name) * times for name in ("seconds", "low", "high")}
    return replace(row, **ends)


def drawn(seed: int) -> Work:
    """The work of a random shape."""
    random = Random(seed)
    optimizers: tuple[Literal["sgd", "adam"], ...] = ("sgd", "adam")
    rows = round(2 ** random.uniform(4, 14))
    return work(
        rows=rows,
        features=round(2 ** random.uniform(0, 9)),
        hidden=tuple(round(2 ** random.uniform(1, 9)) for _ in range(random.randrange(3))),
        batch=random.choice([None, min(rows, 64)]),
        optimizer=random.choice(optimizers),
    )


def seconds(of: Work, call: float, rate: float) -> float:
    """What a backend takes that pays for each layer, and for each operation."""
    return call * of.layers + of.operations / rate


def rows_of_two(count: int) -> list[MeasuredWork]:
    """Random shapes on a backend that starts cheap and on one that is fast when there is much."""
    return [
        measured(of, backend, seconds=seconds(of, call, rate), prepare_seconds=1e-3)
        for of in map(drawn, range(count))
        for backend, call, rate in (("numpy", 1e-5, 1e9), ("torch-cpu", 1e-4, 1e10))
    ]
