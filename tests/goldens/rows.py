"""Small runs of a made machine, in round numbers: microseconds of each backend at each size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from perceptron.records.environment import Gpu
from perceptron.records.measurement import Measurement
from tests.made import (
    ABSENT,
    BACKENDS,
    BENCH,
    GPU_FACTS,
    TIRED,
    finding_rows,
    keep,
    measured,
    on_gpu,
)

SIZES = (4, 16, 64, 256, 1024)
Costs = Mapping[str, Sequence[float]]
"""By backend, at each size."""

# Five fresh processes. Each backend has quick ones and slow ones, and not the same.
_QUIET = ((1.0, 1.01, 1.02, 1.03, 1.04), (1.04, 1.01, 1.03, 1.0, 1.02))
_LOUD = ((1.0, 2.0, 3.0, 4.0, 5.0), (5.0, 2.0, 4.0, 1.0, 3.0))
_GROWING = (5, 20, 80, 320, 1280)
_TWICE = (10, 40, 160, 640, 2560)
_LEVEL = (160, 160, 160, 160, 160)
_HIGH = SIZES[3:]

CROSSES = (_GROWING, _LEVEL)
STATUSES: dict[str, tuple[Sequence[float], Sequence[float], Sequence[int]]] = {
    "crosses": (*CROSSES, ()),
    "reverses": (_LEVEL, _GROWING, ()),
    "always": (_TWICE, _GROWING, ()),
    "never": (_GROWING, _TWICE, ()),
    "end-undecided": (_GROWING, _TWICE, _HIGH),
    "multiple": (_LEVEL, (640, 80, 80, 640, 2560), ()),
    "tie": ((100,) * 5, (101,) * 5, ()),
    "undecided": (*CROSSES, SIZES),
}
"""Microseconds of an incumbent and of a challenger, and the sizes at which they are loud."""


def line(
    costs: Costs,
    loud: Sequence[int] = (),
    *,
    family: str = "mlp-width",
    sizes: Sequence[int] = SIZES,
    **fields: Any,
) -> list[Measurement]:
    """Return rows along the widths; processes differ widely at sizes that are ``loud``."""
    return [
        measured(
            **{"axes": ("width",), "family": family, "problem": f"{family}:{size}"} | fields,
            size=size,
            backend=backend,
            repeat=process,
            seconds=micros * 1e-6 * (_LOUD if size in loud else _QUIET)[index % 2][process],
        )
        for index, (backend, of_sizes) in enumerate(costs.items())
        for size, micros in zip(sizes, of_sizes, strict=True)
        for process in range(5)
    ]


def backends(status: str, names: tuple[str, str] = ("numpy", "torch-cpu")) -> list[Measurement]:
    """Return rows of two backends."""
    incumbent, challenger, loud = STATUSES[status]
    return line(dict(zip(names, (incumbent, challenger), strict=True)), loud)


def suspect() -> list[Measurement]:
    """Return rows of a GPU that stops winning as the work grows."""
    return backends("reverses", ("numpy", "torch-cuda"))[::-1]


def absent(backend: str = "torch-cuda", reason: str = ABSENT) -> list[Measurement]:
    """Return rows of a backend that cannot run."""
    fields: dict[str, Any] = {"family": "mlp-width", "axes": ("width",), "backend": backend}
    return [
        measured(**fields, problem=f"mlp-width:{size}", size=size, status="skipped", reason=reason)
        for size in SIZES
    ]


def not_measured() -> list[Measurement]:
    """Return rows of one backend, beside another one that cannot run."""
    return [*line({"numpy": _GROWING}), *absent()]


PROCESSES = ("torch-ddp", "torch-ddp@2")
MODELS = ("numpy-sequential", "numpy")
_COUNTS = (1, 4, 16, 64, 256)


def over_processes(status: str, family: str = "mlp-width") -> list[Measurement]:
    """Return rows of PyTorch in one process of two threads, and in two of one each."""
    one, two, loud = STATUSES[status]
    return [
        replace(row, threads=row.threads if row.backend == PROCESSES[0] else 1, processes=count)
        for name, costs, count in zip(PROCESSES, (one, two), (1, 2), strict=True)
        for row in line({PROCESSES[0]: one, name: costs}, loud, family=family)
        if row.backend == name
    ]


def over_models(status: str, family: str = "many-or-gates") -> list[Measurement]:
    """Return rows of NumPy that trains models one after another, and all of them together."""
    apart, together, loud = STATUSES[status]
    loud = [_COUNTS[SIZES.index(size)] for size in loud]
    costs = dict(zip(MODELS, (apart, together), strict=True))
    rows = line(costs, loud, family=family, sizes=_COUNTS, axes=("models",), folds=False)
    return [replace(row, models=int(row.size)) for row in rows]


def keep_search(
    results: Path, rows: Sequence[Measurement], *pairs: tuple[str, str], **about: Any
) -> Path:
    """Keep a search for crossovers."""
    families = sorted({row.family for row in rows})
    plan = {"study": "crossover", "families": families, "pairs": pairs, "iterations": 10_000}
    return keep(results, plan, rows, **about)


def keep_bench(results: Path, **about: Any) -> Path:
    """Keep what the main job finds: the finding, and one family."""
    times = (("numpy-published", 8e-6), ("numpy", 8e-6), ("torch-cpu", 64e-6))
    or_gate = replace(absent()[0], family="or-gate", problem="or-gate", axes=())
    rows = [*finding_rows(*times), or_gate, *backends("crosses"), *absent()]
    plan = BENCH | {"families": ["mlp-width"], "backends": list(BACKENDS)}
    return keep(results, plan, rows, **about)


def keep_batches(results: Path, **about: Any) -> Path:
    """Keep a bench of a busy machine with a GPU: batches by Adam, and two problems of one size.

    The GPU waits for launches at small batches; at one size threads waited for a core.
    """
    adam = {"optimizer": "adam", "feed": "resident", "outputs": 10, "rows": 2048}
    waited = {"samples": [1e-3] * 3, "waited": 0.0, "contended": 0}
    costs = {"numpy": _GROWING, "torch-cuda": _LEVEL}
    along = line(costs, family="mlp-batch", axes=("batch",), **adam, **waited)
    along = [replace(row, batch=int(row.size), contended=int(row.size == 16)) for row in along]
    digits = {"family": "digits", "problem": "digits", "batch": 32, "iterations_per_epoch": 43}
    single = [
        measured(**adam | digits | {"rows": 1347}, backend="numpy", repeat=process, seconds=1e-3)
        for process in range(3)
    ]
    for backend, threads in (("torch-ddp", 2), ("torch-ddp@2", 1)):
        shared = {"backend": backend, "processes": 3 - threads, "threads": threads}
        single.append(measured(**shared, family="xor", problem="xor", rows=4, seconds=1e-6))
    for backend, status, reason in (
        ("torch-ddp", "failed", "out of memory"),
        ("numpy", "skipped", "it stands still"),
    ):
        what = {"backend": backend, "status": status, "reason": reason, "repeat": 1}
        single.append(measured(**what, family="xor", problem="xor", rows=4))
    rows = [
        on_gpu(row, min(1.0, row.size / 256)) if row.backend == "torch-cuda" else row
        for row in along
    ]
    finding = finding_rows(("numpy", 8e-6), ("torch-cpu", 64e-6))
    plan = BENCH | {"families": ["mlp-batch", "digits", "xor"]}
    gpus = [Gpu(name="Slide Rule", driver="575.1", memory_bytes=80 * 2**30), Gpu(name="Abacus")]
    run = keep(
        results, plan, [*rows, *single, *finding], facts=replace(GPU_FACTS, gpus=gpus), **about
    )
    (run / "conditions.json").write_bytes(msgspec.json.encode(TIRED))
    return run


def keep_fleet(results: Path) -> None:
    """Keep a fleet of three jobs of another host: one done, one never submitted, one running."""
    fleet = results / "fleet" / "0123456789ab"
    plan = {"command": ["bench"], "host": "head", "commit": "abc", "code": None}
    plan |= {"contents": {}, "sbatch": []}
    files = {
        "plan.json": msgspec.json.encode(plan),
        "jobs/local-1/job.sh": b"",
        "jobs/local-1/done": b"",
        "jobs/local-2/log": b"",
        "jobs/local-3/job.sh": b"",
    }
    keep_bench(fleet / "jobs" / "local-1" / "results", machine="abacus-1", folder="abacus-1")
    for name, content in files.items():
        file = fleet / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
