"""Results made up, and kept where and as the suite keeps what it measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from math import exp
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from docs.build.shown import MANY_FAMILIES, SEVERAL_FAMILIES, SEVERAL_PAIRS
from perceptron.records.conditions import Conditions, GpuState, Steadiness
from perceptron.records.environment import Environment, Gpu, ThreadPool
from perceptron.records.measurement import CEILING, DEVICE, ENERGY, HARNESS, KERNELS, Measurement
from perceptron.records.race import Check, RaceRow, Target, Training
from perceptron.records.readers.naming import ProcessNumbers
from perceptron.records.readers.parameter_roles import roles_of
from perceptron.records.readers.reading import ReadRequest
from perceptron.records.readers.sources import Source, load
from perceptron.statistics.trust import Diagnosis, warnings_about
from tests.conftest import MakeRow

BACKENDS = ("numpy", "torch-cpu", "torch-cuda")
ABSENT = "no CUDA device found"
SIZES = (4, 16, 64, 256)
STARTED = "2026-01-01T00:00:00Z"
FACTS = Environment(
    cpu="Abacus 3000",
    architecture="x86_64",
    cores=2,
    memory_bytes=2**34,
    system="Linux 6",
    python="CPython 3.12",
    libraries={"numpy": "2.0"},
    pools=[ThreadPool(library="openblas", version="0.3", kernel="Haswell", threads=2)],
)
GPU_NAME = "Slide Rule 9000"
GPU_FACTS = replace(FACTS, cpu="Abacus 5000", gpus=[Gpu(name=GPU_NAME, driver="1.0")])
# Nothing wrong, and everything known.
SOUND = Conditions(
    governors=["performance"],
    load=0.1,
    quota_cores=2.0,
    loop=Steadiness(seconds=[0.01] * 10, variation=0.01, slowest_to_fastest=1.05),
    steal_share=0.0,
    swap_used_bytes=0,
    swapped_bytes=0,
    clock_resolution_seconds=1e-9,
    clock_tick_seconds=4e-8,
    on_battery=False,
    gpus=[GpuState(name="Slide Rule", sm_mhz=300, max_sm_mhz=2000, idle=True, slowed_by=[])],
)

Cost = Callable[[float], float]
POWERS = [4**power for power in range(1, 9)]


def measured(**fields: Any) -> Measurement:
    """A row; any field can be given."""
    defaults: dict[str, Any] = {
        "source": "perceptron",
        "machine": "box",
        "environment": FACTS.id,
        "commit": "abc",
        "when": STARTED,
        "family": "line",
        "size": 1,
        "backend": "numpy",
        "device": "cuda" if "cuda" in fields.get("backend", "") else "cpu",
        "dtype": "float32",
        "threads": 2,
    }
    return Measurement(**(defaults | fields))


def load_measurements(
    *sources: Source | Iterable[Source],
    by: str | Sequence[str] = (),
    size: str | None = None,
    size_regex: str | None = None,
    **options: Any,
) -> list[Measurement]:
    """The rows of which `load_results` makes a table, in their order."""
    request = ReadRequest(roles=roles_of(by, size, size_regex), **options)
    return [row for source in load(sources, request) for row in source.rows]


def read_as_one(runs: Sequence[Sequence[Measurement]]) -> list[Measurement]:
    """Return the rows of several runs with the numbers that reading them together gives."""
    numbers = ProcessNumbers()
    return [row for run in runs for row in numbers.number(run)]


def line(
    family: str = "mlp-width",
    backends: Sequence[str] = BACKENDS[:2],
    sizes: Sequence[float] = SIZES,
    processes: int = 4,
    prepare: float | None = None,
) -> list[Measurement]:
    """Times over sizes: the first backend starts cheap, each later one grows less;
    the first two meet at 200.

    ``prepare`` seconds are those of the last backend; the others take none to speak of.
    """
    random = np.random.default_rng(1)
    rows = []
    for process, size in product(range(processes), sizes):
        for index, name in enumerate(backends):
            seconds = (1e-4 * 2**index + 1e-6 * size / 2**index) * exp(random.normal(0, 0.01))
            last = index == len(backends) - 1
            rows.append(
                measured(
                    family=family,
                    problem=f"{family}:{size}",
                    size=size,
                    backend=name,
                    repeat=process,
                    seconds=seconds,
                    prepare_seconds=None if prepare is None else prepare if last else 1e-6,
                )
            )
    return rows


def finding_rows(*times: tuple[str, float]) -> list[Measurement]:
    """The OR gate in three processes of each backend, in seconds an iteration."""
    return [
        measured(
            family="or-gate",
            problem="or-gate",
            size=4,
            backend=name,
            repeat=process,
            seconds=seconds * (1 + 0.01 * process),
            iterations=10_000,
        )
        for process in range(3)
        for name, seconds in times
    ]


def bench_rows(family: str = "mlp-width", prepare: float | None = 0.5) -> list[Measurement]:
    """What the main job finds on a machine without a GPU: the finding, and one family."""
    finding = finding_rows(("numpy-published", 8e-6), ("numpy", 7e-6), ("torch-cpu", 65e-6))
    absent = [
        measured(
            family=name,
            problem=f"{name}:{size}",
            size=size,
            backend="torch-cuda",
            status="skipped",
            reason=ABSENT,
        )
        for name, size in (("or-gate", 4), (family, SIZES[0]), (family, SIZES[-1]))
    ]
    return [*line(family, prepare=prepare), *finding, *absent]


def gpu_rows(family: str = "mlp-width") -> list[Measurement]:
    """What the main job finds on a machine with a GPU, which wins the family from 400 up."""
    finding = finding_rows(
        ("numpy-published", 4e-6), ("numpy", 3e-6), ("torch-cpu", 30e-6), ("torch-cuda", 150e-6)
    )
    return [*line(family, BACKENDS, sizes=(*SIZES, 1024, 4096)), *finding]


def map_rows(family: str = "mlp-map", backends: Sequence[str] = BACKENDS[:2]) -> list[Measurement]:
    """Sixteen cells, of which the light backend wins the small ones, and one without a time."""
    rows = [
        measured(
            family=family,
            problem=f"{family}:{x}x{y}",
            size=x * y,
            sizes=(x, y),
            backend=name,
            repeat=process,
            seconds=(1e-4 * 3**index + 1e-7 * x * y / 5**index) * (1 + 0.01 * process),
        )
        for (x, y), process in product(product(SIZES, SIZES), range(3))
        for index, name in enumerate(backends)
    ]
    absent = measured(
        family=family,
        problem=f"{family}:4x4",
        size=16,
        sizes=(4, 4),
        backend="torch-cuda",
        status="skipped",
        reason=ABSENT,
    )
    return [*rows, absent]


def ladder_rows(problem: str = "or-gate") -> list[Measurement]:
    """Three processes of three variants with phases, kernels, ceilings and harness."""
    rows = []
    for process in range(3):
        factor = 1 + 0.01 * process
        for name, seconds in (("torch-cpu", 1e-4), ("numpy", 1e-5), ("numba", 1e-7)):
            shared = {"family": problem, "problem": problem, "repeat": process, "size": 4}
            upto = {None: 1.0, "forward": 0.2, "backward": 0.7, "optimizer step": 1.0}
            rows += [
                measured(
                    **shared,
                    backend=name,
                    phase=phase,
                    seconds=seconds * share * factor,
                    samples=[seconds * share * factor],
                    iterations=int(0.01 / seconds),
                )
                for phase, share in upto.items()
                if phase is None or name == "torch-cpu"
            ]
        rows += [
            measured(family=CEILING, phase=phase, size=size, repeat=process, seconds=factor)
            for phase, size in (("product", 50e9), ("copy", 10e9))
        ]
    return [
        *rows,
        *(measured(family=HARNESS, phase="call", repeat=once, seconds=1e-7) for once in (0, 1)),
        measured(backend="torch-cpu", family=KERNELS, phase=KERNELS, size=17),
    ]


GPU = GpuState(
    name="Slide Rule",
    sm_mhz=1980,
    max_sm_mhz=1980,
    slowed_by=[],
    power_limit_watts=700.0,
    temperature_celsius=54,
    locked=False,
)


def on_gpu(row: Measurement, busy: float, **fields: Any) -> Measurement:
    """Return a row as torch-cuda's, whose device needs this share of the time."""
    assert row.seconds is not None
    device_seconds = busy * row.seconds
    own = {"backend": "torch-cuda", "device": "cuda", "gpu": GPU, "device_seconds": device_seconds}
    return replace(row, **(own | fields))


def gpu_ladder_rows(problem: str = "or-gate") -> list[Measurement]:
    """As `ladder_rows`, with a GPU that waits for launches, and all that is measured of it.

    An iteration takes 100 µs, of which the GPU is busy for 4; its product reaches 50 TFLOP/s by
    torch and 40 by jax, its copy 2,000 GB/s by torch and 3,000 by jax.
    """
    rows = ladder_rows(problem)
    rows += [
        on_gpu(row, 0.04, peak_bytes=2**21 + row.repeat)
        for row in rows
        if row.backend == "torch-cpu" and row.phase is None
    ]
    reached = {"torch-cuda": (50e12, 2e12), "jax-cuda": (40e12, 3e12)}
    for name, (product_rate, copy_rate) in reached.items():
        own: dict[str, Any] = {"backend": name, "device": "cuda"}
        rows += [
            measured(**own, family=CEILING, phase=phase, size=size, seconds=1.0)
            for phase, size in (("product", product_rate), ("copy", copy_rate))
        ]
    parts = (("context", 1, 0.5), ("host to device", 25_000_000, 1e-3), ("synchronize", 1, 2e-6))
    rows += [
        measured(
            backend="torch-cuda",
            device="cuda",
            family=DEVICE,
            phase=name,
            size=size,
            seconds=seconds * (1 + 0.01 * process),
            repeat=process,
        )
        for process in range(3)
        for name, size, seconds in parts
    ]
    energy = measured(backend="torch-cuda", family=ENERGY, phase="energy", seconds=1e-4)
    return [*rows, replace(energy, energy_joules=0.0125)]


# As SOUND, with two warnings.
TIRED = replace(SOUND, on_battery=True, load=1.5)


class UnknownLook:
    """Stands in for a look around: at once, and nothing could be seen."""

    def end(self) -> Conditions:
        return Conditions()


def diagnosed(environment: Environment, conditions: Conditions, threads: int = 2) -> Diagnosis:
    """Return the findings of `doctor` about a machine and its conditions."""
    return Diagnosis(
        environment=environment,
        threads=threads,
        conditions=conditions,
        warnings=warnings_about(environment, threads, conditions),
    )


BENCH: dict[str, Any] = {
    "study": "bench",
    "backends": list(BACKENDS),
    "beside_finding": [],
    "quick": False,
}
WHOLE = BENCH | {"whole": True}
MAP: dict[str, Any] = {
    "study": "map",
    "family": "mlp-map",
    "x_range": [4, 256],
    "y_range": [4, 256],
    "points": 4,
    "axes": ["rows", "width"],
    "dtype": "float32",
    "threads": 2,
}
LADDER: dict[str, Any] = {
    "study": "overhead",
    "problem": "or-gate",
    "removes": {"torch-cpu": "nothing", "numpy": "the framework", "numba": "the rest"},
    "operations": 74,
    "bytes_moved": 212,
    "threads": 2,
}

GPU_LADDER: dict[str, Any] = LADDER | {"removes": LADDER["removes"] | {"torch-cuda": "nothing"}}


def _trained(row: Measurement) -> dict[str, Any]:
    """How a row of a problem was trained that does not say it."""
    if row.problem is None or row.optimizer is not None:
        return {}
    return {"optimizer": "sgd", "feed": "resident", "outputs": 1, "iterations_per_epoch": 1}


def keep(
    results: Path,
    plan: dict[str, Any],
    rows: Sequence[Measurement],
    *,
    machine: str = "box",
    folder: str = "box",
    started: str = STARTED,
    commit: str | None = "abc",
    finished: bool = True,
    facts: Environment = FACTS,
) -> Path:
    """Write a run of a machine; its rows are all of this run's commit and of its start."""
    machine_folder = results / "runs" / folder
    run = machine_folder / started.replace(":", "")
    run.mkdir(parents=True)
    what = {"machine": machine, "commit": commit, "environment": facts.id}
    about = {**what, "plan": plan, "started": started}
    about["finished"] = started if finished else None
    own = [replace(row, **what, **_trained(row), when=started) for row in rows]
    (run / "run.json").write_bytes(msgspec.json.encode(about))
    (machine_folder / f"environment-{facts.id}.json").write_bytes(msgspec.json.encode(facts))
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in own)
    (run / "measurements.jsonl").write_bytes(lines)
    return run


SHAPE = "mlp:6000x8x16:4c:64b:adam"
ALONG_BATCH = "mlp:6000x8x16:4c:*b:adam"
ADVICE: dict[str, Any] = {
    "study": "advise",
    "name": SHAPE,
    "backends": list(BACKENDS),
    "length": {"iterations": 10_000, "epochs": 5},
    "axes": [
        {"axis": "batch", "here": 64, "family": ALONG_BATCH, "fewer_rows": False},
        {"axis": "features", "here": 8, "family": "mlp:6000x*x16:4c:64b:adam", "fewer_rows": False},
    ],
}


def advice_rows() -> list[Measurement]:
    """A shape on batches of 64, on which numpy is twice as fast; torch-cpu wins from about 128."""
    rows = []
    for batch, process in product((16, 64, 256, 1024), range(3)):
        own = batch == 64
        what = {
            "problem": SHAPE if own else f"{ALONG_BATCH}:{batch}",
            "family": SHAPE if own else ALONG_BATCH,
            "size": 6000 if own else batch,
            "rows": 6000,
            "batch": batch,
            "optimizer": "adam",
            "feed": "resident",
            "outputs": 4,
            "axes": () if own else ("batch",),
            "repeat": process,
            "prepare_seconds": 1e-3,
        }
        for name, seconds in (("numpy", 2e-6 * batch), ("torch-cpu", 2.5e-4)):
            rows.append(measured(**what, backend=name, seconds=seconds * (1 + 0.01 * process)))
        absent = {"status": "skipped", "reason": ABSENT, "prepare_seconds": None}
        rows.append(measured(**what | absent, backend="torch-cuda"))
    return rows


SEVERAL: dict[str, Any] = {
    "study": "crossover",
    "families": list(SEVERAL_FAMILIES),
    "pairs": [list(pair) for pair in SEVERAL_PAIRS],
    "iterations": 10_000,
}


def several_rows() -> list[Measurement]:
    """One process and two on two families: the second pays from 200 up; DDP by itself costs 0."""
    rows = []
    for family in SEVERAL_FAMILIES[:2]:
        axes = (family.removeprefix("mlp-"),)
        for row in line(family, SEVERAL_PAIRS[1]):
            if row.backend.endswith("@2"):
                rows.append(replace(row, axes=axes, processes=2, threads=1))
            else:
                rows += [replace(row, axes=axes, backend=name) for name in SEVERAL_PAIRS[0]]
    return rows


MANY: dict[str, Any] = {
    "study": "crossover",
    "families": list(MANY_FAMILIES),
    "pairs": [["numpy-sequential", "numpy"], ["numpy", "torch-cpu"]],
    "iterations": 10_000,
}


def many_rows(family: str = MANY_FAMILIES[0]) -> list[Measurement]:
    """Trainings at once: NumPy's pay from four and a half up, PyTorch's from 200."""
    costs = {"numpy-sequential": (0.0, 5.0), "numpy": (20.0, 0.5), "torch-cpu": (100.0, 0.1)}
    random = np.random.default_rng(1)
    return [
        measured(
            family=family,
            problem=f"{family}:{models}",
            size=models,
            models=models,
            folds=False,
            axes=("models",),
            backend=name,
            repeat=process,
            seconds=1e-6 * (start + each * models) * exp(random.normal(0, 0.01)),
        )
        for process in range(4)
        for models in (1, 4, 16, 64, 256, 1024)
        for name, (start, each) in costs.items()
    ]


def silent(done: float, total: float, message: str) -> None:
    """Show nothing of the progress."""


RACE: dict[str, Any] = {
    "study": "race",
    "problem": "digits",
    "target": "accuracy=0.95",
    "backends": list(BACKENDS),
    "dtypes": ["float32"],
    "threads": 2,
}


def race_row(
    seed: int = 0,
    backend: str = "numpy",
    *,
    train: float = 0.1,
    accuracies: Sequence[float] = (0.7, 0.9, 0.96),
    **fields: Any,
) -> RaceRow:
    """A race whose training is split evenly between its looks; any field can be given."""
    step = train / len(accuracies)
    checks = [
        Check(38 * number, step * number, accuracy, 1 - accuracy)
        for number, accuracy in enumerate(accuracies, start=1)
    ]
    defaults: dict[str, Any] = {
        "machine": "box",
        "environment": FACTS.id,
        "commit": "abc",
        "when": STARTED,
        "problem": "digits",
        "problem_digest": "d",
        "target": Target("accuracy", 0.95),
        "epochs": 30,
        "iterations_per_epoch": 38,
        "check_iterations": 38,
        "backend": backend,
        "device": "cpu",
        "dtype": "float32",
        "threads": 2,
        "seed": seed,
        "import_seconds": 0.25,
        "prepare_seconds": 0.05,
        "data_seconds": 0.04,
        "fresh": Training(checks=checks, waited=0.0),
        "resident": Training(checks=checks, waited=0.0),
    }
    return RaceRow(**(defaults | fields))


def race_rows(seeds: int = 7) -> list[RaceRow]:
    """numpy is quick; torch-cpu has 2 seconds to import, and needs four times as long to train."""
    rows = []
    for seed in range(seeds):
        noise = 1 + 0.01 * seed
        rows.append(race_row(seed, train=0.1 * noise))
        rows.append(
            race_row(
                seed,
                "torch-cpu",
                train=0.4 * noise,
                import_seconds=2.0 * noise,
                modules=["torch"],
            )
        )
    rows.append(
        race_row(
            backend="torch-cuda",
            device="cuda",
            status="skipped",
            reason=ABSENT,
            fresh=None,
            resident=None,
        )
    )
    return rows


def keep_race(results: Path, rows: Sequence[RaceRow], **about: Any) -> Path:
    """Write a race as `keep` does a run of other rows; ``plan`` may be another one."""
    run = keep(results, about.pop("plan", RACE), [], **about)
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    (run / "measurements.jsonl").write_bytes(lines)
    return run


def everything(results: Path) -> Path:
    """One run of each kind, on one machine."""
    keep(results, BENCH, bench_rows())
    keep(results, MAP, map_rows(), started="2026-01-01T01:00:00Z")
    keep(results, LADDER, ladder_rows(), started="2026-01-01T02:00:00Z")
    keep_race(results, race_rows(), started="2026-01-01T09:00:00Z")
    return results


def world(
    row: MakeRow,
    costs: dict[str, Cost],
    sizes: Sequence[float] = POWERS,
    processes: int = 6,
    noise: float = 0.01,
    seed: int = 0,
    **fields: object,
) -> list[Measurement]:
    """Make the rows of a family: each backend's time is its cost at a size, with noise."""
    random = np.random.default_rng(seed)
    return [
        row(
            backend=backend,
            size=size,
            repeat=process,
            problem=f"line:{size}",
            device="cuda" if "cuda" in backend else "cpu",
            seconds=cost(size) * exp(random.normal(0, noise)),
            **fields,
        )
        for process in range(processes)
        for size in sizes
        for backend, cost in costs.items()
    ]


def linear(overhead: float, per_size: float) -> Cost:
    """Return the cost of a backend that is slow to start and then linear in the size."""
    return lambda size: overhead + per_size * size
