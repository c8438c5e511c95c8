"""One line each of the speeds: measured here and now, whatever else runs beside it."""

from __future__ import annotations

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
from benchmarks.steps import CROSSOVER
from perceptron.errors import UserError
from perceptron.records.speeds import (
    Answer,
    BenchSpeed,
    CrossoverSpeed,
    GateSpeed,
    SelfRatios,
    Width,
)

ROUNDS = 7
BASE = "numpy-published"
OVER = ("numpy", "numpy-inplace")
# Each of its two pairs of bodies twice.
GATE_RUNS = 4
PAIRS = 8
# A backend and its threads; on small problems, where a neighbour disturbs most.
ALIKE = (("numpy", 1), ("torch-cpu", 2))
ALIKE_PROBLEMS = ("mlp-width:32", "mlp-width:128", "mlp-width:512", "perceptron-rows:1024")
ALIKE_SECONDS = 55.0
"""A set of pairs begins within so many seconds; there is one at least."""

Pair = Callable[[], list[tuple[float, float] | None]]
"""Times of two fresh processes for each problem; None for one without both."""


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
            sure=crossover["sure"],
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
    if process.returncode:
        last = process.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise UserError(f"perceptron {words[0]} failed: {' '.join(last) or process.returncode}")
    return seconds, msgspec.json.decode(process.stdout)


def or_gate_ratios() -> dict[str, list[float]]:
    """Return the times over that of the published NumPy, of fresh processes in each round."""
    from benchmarks.targets import measured  # asv imports every module here
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
    from perceptron.validation.gate.runs import live, repository
    from perceptron.validation.gate.runs.kinds import BY_NAME

    seconds: list[float] = []
    verdicts: list[str] = []
    with tempfile.TemporaryDirectory(prefix="perceptron-speeds-") as folder:
        repository.make(Path(folder))
        for number in range(GATE_RUNS):
            run = live.run(
                Path(folder), BY_NAME["same"], number, "", "", None, lambda _: "", lambda *_: None
            )
            seconds.append(run.seconds)
            verdicts.append(run.verdict)
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
    """Take sets of eight pairs; every problem of a process has a set of its own.

    Every other pair is turned round: the process that ran first is divided by the second, then the
    second by the first.
    """
    begin, sets, lost = clock(), [], 0
    while True:
        taken: list[list[float]] = []
        for number in range(PAIRS):
            for index, times in enumerate(pair()):
                if len(taken) <= index:
                    taken.append([])
                if times is None:
                    lost += 1
                    continue
                first, second = times if number % 2 == 0 else reversed(times)
                taken[index].append(first / second)
        sets += [ratios for ratios in taken if ratios]
        if clock() - begin >= seconds:
            return SelfRatios(backend=backend, threads=threads, sets=sets, lost=lost)


def pair_of(
    backend: str, threads: int, problems: Sequence[str] = ALIKE_PROBLEMS
) -> list[tuple[float, float] | None]:
    """Time two fresh processes of the same job, one after the other."""
    first, second = (_process(backend, threads, problems) for _ in range(2))
    pairs: list[tuple[float, float] | None] = []
    for problem in problems:
        one, two = first.get(problem), second.get(problem)
        pairs.append(None if one is None or two is None else (one, two))
    return pairs


def _process(backend: str, threads: int, problems: Sequence[str]) -> dict[str, float | None]:
    from perceptron.backends import registry
    from perceptron.measure.job import Job
    from perceptron.measure.launch import run_job

    job = Job(
        backend=backend,
        problems=list(problems),
        dtype="float32",
        threads=threads,
        samples=5,
        minimum_seconds=0.01,
    )
    return {outcome.problem: outcome.seconds for outcome in run_job(job, registry.load(backend))}
