"""One line each of the speeds: measured here and now, whatever else runs beside it."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from os import environ
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.results import ROOT, unsteered
from benchmarks.speeds import (
    Answer,
    BenchSpeed,
    CrossoverSpeed,
    GateSpeed,
    SelfRatios,
    SelfRound,
    Width,
)
from benchmarks.steps import CROSSOVER
from benchmarks.target_lines import measured
from perceptron.backends import registry
from perceptron.errors import UserError
from perceptron.machine import machine_name
from perceptron.measure.job import Batch, Outcome
from perceptron.measure.launch import Workers
from perceptron.problems import catalogue
from perceptron.problems.problem import DType, Problem
from perceptron.records.measurement import Measurement, Timings
from perceptron.records.run import now

ROUNDS = 7
BASE = "numpy-published"
OVER = ("numpy", "numpy-inplace")
# Each of its two pairs of bodies twice.
GATE_RUNS = 4
# Of a backend against itself in a round.
PAIRS = 8
# A backend and its threads; on small problems, where a neighbour disturbs most.
ALIKE = (("numpy", 1), ("torch-cpu", 2))
ALIKE_PROBLEMS = ("mlp-width:32", "mlp-width:128", "mlp-width:512", "perceptron-rows:1024")
ALIKE_SECONDS = 55.0
"""A round of pairs begins within so many seconds; there is one at least."""
DTYPE: DType = "float32"

Pair = Callable[[int], SelfRound]
"""Given its number, the rows of two fresh processes, one of each side."""


def bench_speed() -> BenchSpeed:
    """Run the main job in a folder of its own; raises `UserError` if it fails."""
    seconds, document = timed("bench")
    return bench_of(seconds, document)


def bench_of(seconds: float, document: dict[str, Any]) -> BenchSpeed:
    """Return what counts of a document of `bench --json`."""
    widths = [
        Width(
            family=crossover["family"],
            pair=_pair_of(crossover),
            size=ratio["size"],
            width=ratio["high"] / ratio["low"] - 1 if ratio["low"] and ratio["high"] else None,
        )
        for crossover in document["crossovers"]
        for ratio in crossover["ratio_at"]
    ]
    return BenchSpeed(seconds, answers(document), widths)


def crossover_speed() -> CrossoverSpeed:
    """Run a search in a folder of its own; raises `UserError` if it fails."""
    seconds, document = timed(*CROSSOVER)
    return CrossoverSpeed(seconds, answers(document))


def answers(document: dict[str, Any]) -> list[Answer]:
    """Return the crossovers of a document that were measured."""
    return [
        Answer(
            family=crossover["family"],
            pair=_pair_of(crossover),
            status=crossover["status"],
            sure=crossover["is_decided"],
            size=crossover["size"],
            low=crossover["low"],
            high=crossover["high"],
        )
        for crossover in document["crossovers"]
        if crossover["status"] != "not measured"
    ]


def _pair_of(crossover: dict[str, Any]) -> str:
    return f"{crossover['incumbent']}:{crossover['challenger']}"


def timed(*words: str) -> tuple[float, dict[str, Any]]:
    """Type a command of ours with ``--json``; return its wall seconds and its document.

    Raises `UserError` with its last message if it fails.
    """
    with tempfile.TemporaryDirectory(prefix="perceptron-speeds-") as folder:
        places = ("--results", f"{folder}/results", "--html", f"{folder}/html")
        command = [sys.executable, "-m", "perceptron", *words, "--json", *places]
        begin = time.monotonic()
        process = subprocess.run(
            command, cwd=ROOT, env=unsteered(environ)[0], capture_output=True, check=False
        )
        seconds = time.monotonic() - begin
    if process.returncode not in (0, 3):  # 3: an answer that is undecided
        last = process.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise UserError(f"perceptron {words[0]} failed: {' '.join(last) or process.returncode}")
    return seconds, msgspec.json.decode(process.stdout)


def or_gate_ratios() -> dict[str, list[float]]:
    """Return the times over that of the published NumPy, of fresh processes in each round."""
    from perceptron.studies.shared.published import published_dtype

    ratios: dict[str, list[float]] = {name: [] for name in OVER}
    for _ in range(ROUNDS):
        seconds = {
            name: measured(name, "or-gate", published_dtype(name)).seconds for name in (BASE, *OVER)
        }
        for name in OVER:
            over, base = seconds[name], seconds[BASE]
            if over is not None and base is not None:
                ratios[name].append(over / base)
    return ratios


def gate_speed() -> GateSpeed:
    """Run the gate on two revisions between which a comment changed; raises `UserError`."""
    from benchmarks.validation.gate.runs import run
    from benchmarks.validation.gate.suite import BY_NAME, make

    seconds: list[float] = []
    verdicts: list[str] = []
    with tempfile.TemporaryDirectory(prefix="perceptron-speeds-") as folder:
        make(Path(folder))
        for number in range(GATE_RUNS):
            taken = run(
                Path(folder), BY_NAME["same"], number, "", "", None, lambda _: "", lambda *_: None
            )
            seconds.append(taken.seconds)
            verdicts.append(taken.verdict)
    return GateSpeed(seconds, verdicts)


def alike_speed() -> list[SelfRatios]:
    """Return each backend against itself, in pairs of fresh processes."""
    return [
        self_ratios(backend, threads, partial(pair_of, backend, threads))
        for backend, threads in ALIKE
    ]


def self_ratios(
    backend: str,
    threads: int,
    pair: Pair,
    seconds: float = ALIKE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> SelfRatios:
    """Take rounds of eight pairs: as many processes as a crossover has."""
    begin, rounds = clock(), []
    while True:
        pairs = [pair(number) for number in range(PAIRS)]
        rounds.append(
            SelfRound(
                first=[row for taken in pairs for row in taken.first],
                second=[row for taken in pairs for row in taken.second],
            )
        )
        if clock() - begin >= seconds:
            return SelfRatios(backend=backend, threads=threads, rounds=rounds)


def pair_of(
    backend: str, threads: int, number: int, problems: Sequence[str] = ALIKE_PROBLEMS
) -> SelfRound:
    """Time two fresh processes; they take turns problem by problem, in random order, as studies do.

    ``number`` is the process in both sides' rows.
    """
    taken = SelfRound(first=[], second=[])
    loaded, shuffle = registry.load(backend), random.Random()
    jobs = [_job(backend, threads, problem) for problem in problems]
    sides = [("first", taken.first), ("second", taken.second)]
    shuffle.shuffle(jobs)
    with Workers() as workers:
        workers.warm({name: (jobs[0], loaded) for name, _ in sides})
        for job in jobs:
            shuffle.shuffle(sides)
            problem = catalogue.find(job.problems[0])
            for name, rows in sides:
                rows += [
                    _row(outcome, problem, job, number)
                    for outcome in workers.run(name, job, loaded)
                ]
    return taken


def _job(backend: str, threads: int, problem: str) -> Batch:
    return Batch(
        backend=backend,
        problems=[problem],
        dtype=DTYPE,
        threads=threads,
        samples=5,
        minimum_seconds=0.01,
    )


def _row(outcome: Outcome, problem: Problem, job: Batch, number: int) -> Measurement:
    return Measurement(
        source="perceptron",
        machine=machine_name(),
        when=now(),
        repeat=number,
        problem=problem.name,
        family=problem.family,
        size=problem.size,
        backend=job.backend,
        dtype=job.dtype,
        threads=job.threads,
        **{field: getattr(outcome, field) for field in Timings.__struct_fields__},
    )
