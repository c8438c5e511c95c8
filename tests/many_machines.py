"""Our own results of a whole fleet, made up: many machines, each with several runs of its own.

``python -m tests.many_machines FOLDER [MACHINES [ROWS]]`` writes a results folder to look at.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from itertools import islice, product
from math import log
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from perceptron.measure.rows import problem_fields
from perceptron.problems import catalogue
from perceptron.problems.families import FAMILIES, label
from perceptron.records.environment import Environment, Gpu
from perceptron.records.measurement import Measurement
from tests.made import ABSENT, FACTS, GPU, LADDER, MAP, SOUND, keep, ladder_rows

MACHINES = 200
ROWS = 5_000
ROUNDS = 8
SAMPLES = 5
LINES = ("mlp-width", "mlp-depth", "mlp-batch", "perceptron-rows", "perceptron-features")
BACKENDS = ("numpy", "torch-cpu", "numba", "torch-cuda")
_CARDS = ("Slide Rule 9000", "Slide Rule 7000")
_CORES = (2, 8, 16, 64)
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_AT_A_TIME = 4096
# Seconds of an iteration before any work, and of each weight and row; roughly those of one core.
_OVERHEAD = {"numpy": 6e-6, "torch-cpu": 6e-5, "numba": 3e-8, "torch-cuda": 1.5e-4}
_WORK = {"numpy": 3e-10, "torch-cpu": 1.5e-10, "numba": 8e-10, "torch-cuda": 2e-12}


@dataclass(frozen=True)
class _Machine:
    """One of a fleet: how much faster than others it is, and its facts."""

    name: str
    speed: float
    facts: Environment
    has_gpu: bool


def many_machines(results: Path, machines: int = MACHINES, rows: int = ROWS, seed: int = 1) -> Path:
    """Write our own runs of so many machines with so many rows each, and return ``results``.

    A machine has a ladder, a map, and a `bench` of the five lines for each commit as long as there
    is room; the last one is shorter. Every second machine has a GPU, and says so where it has none.
    """
    random = np.random.default_rng(seed)
    for number in range(machines):
        machine = _machine(number)
        noise = _noises(random)
        left = rows
        for start, (plan, made) in enumerate(_runs(machine, noise)):
            members = list(islice(made, left))
            when = (_FIRST + timedelta(hours=12 * start + number / 60)).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            )
            commit = sha1(str(start).encode()).hexdigest()[:12]  # noqa: S324 a name like git's
            where: dict[str, Any] = {"machine": machine.name, "folder": machine.name}
            run = keep(
                results, plan, members, **where, started=when, commit=commit, facts=machine.facts
            )
            (run / "conditions.json").write_bytes(msgspec.json.encode(SOUND))
            left -= len(members)
            if not left:
                break
    return results


def _machine(number: int) -> _Machine:
    cores = _CORES[number % len(_CORES)]
    has_gpu = number % 2 == 0
    card = _CARDS[number // 2 % len(_CARDS)]
    facts = replace(
        FACTS,
        cpu=f"Abacus {1000 * (1 + number % 7)}",
        cores=cores,
        libraries={"numpy": "2.0", "torch": f"2.{number % 3}"},
        gpus=[Gpu(name=card, driver="1.0")] if has_gpu else [],
    )
    return _Machine(f"node-{number:03d}", 1.0 + 0.07 * (number % 11), facts, has_gpu)


def _noises(random: np.random.Generator) -> Iterator[float]:
    """Yield factors around 1 without end."""
    while True:
        yield from np.exp(0.02 * random.standard_normal(_AT_A_TIME)).tolist()


def _runs(
    machine: _Machine, noise: Iterator[float]
) -> Iterator[tuple[dict[str, Any], Iterator[Measurement]]]:
    """Yield plans with their rows: one ladder, one map, and then the main job again and again."""
    yield LADDER, iter(ladder_rows())
    cells = [f"mlp-map:{label(size)}" for size in FAMILIES["mlp-map"].sizes]
    x, y = (sorted({size[axis] for size in FAMILIES["mlp-map"].sizes}) for axis in (0, 1))
    grid = MAP | {"x_range": [x[0], x[-1]], "y_range": [y[0], y[-1]], "points": len(x)}
    yield grid, _rows(machine, cells, noise, rounds=3)
    lines = [f"{name}:{label(size)}" for name in LINES for size in FAMILIES[name].sizes]
    bench: dict[str, Any] = {
        "study": "bench",
        "backends": list(BACKENDS),
        "beside_finding": [],
        "families": list(LINES),
        "quick": False,
        "whole": True,
        "processes": ROUNDS,
    }
    while True:
        yield bench, _rows(machine, ["or-gate", *lines], noise, ROUNDS)


def _rows(
    machine: _Machine, problems: list[str], noise: Iterator[float], rounds: int
) -> Iterator[Measurement]:
    """Yield the rows of every problem on every backend, round by round, as a run has them."""
    cases = [_case(machine, name, backend) for name, backend in product(problems, BACKENDS)]
    for process, case in product(range(rounds), cases):
        if case.status != "ok":
            if process == 0:
                yield case
            continue
        assert case.seconds is not None
        base = case.seconds * next(noise)
        samples = [base * factor for factor in islice(noise, SAMPLES)]
        seconds = sorted(samples)[1]
        yield replace(case, repeat=process, seconds=seconds, samples=samples)


def _case(machine: _Machine, name: str, backend: str) -> Measurement:
    """Return the row of a problem on a backend but for what differs from process to process."""
    problem = catalogue.find(name)
    fields: dict[str, Any] = {
        **problem_fields(problem),
        "source": "perceptron",
        "machine": machine.name,
        "when": "",
        "backend": backend,
        "device": "cuda" if backend == "torch-cuda" else "cpu",
        "dtype": "float32",
        "threads": machine.facts.cores,
        "processes": 1,
        "code": "c0de" * 4,
        "problem_digest": sha1(name.encode()).hexdigest()[:12],  # noqa: S324 a made-up digest
    }
    if backend == "torch-cuda" and not machine.has_gpu:
        return Measurement(**fields, status="skipped", reason=ABSENT)
    batch = problem.batch or problem.dataset.rows
    work = batch * (problem.dataset.features + sum(problem.hidden) * problem.dataset.features)
    seconds = (
        _OVERHEAD[backend] + _WORK[backend] * work / log(1 + machine.facts.cores)
    ) / machine.speed
    on_device = backend == "torch-cuda"
    return Measurement(
        **fields,
        seconds=seconds,
        iterations=max(1, int(0.01 / seconds)),
        waited=0.001,
        contended=0,
        prepare_seconds=0.5 if on_device else 1e-3,
        peak_bytes=2**20 + 8 * work,
        device_seconds=seconds / 2 if on_device else None,
        gpu=GPU if on_device else None,
    )


if __name__ == "__main__":
    many_machines(Path(sys.argv[1]), *map(int, sys.argv[2:]))
