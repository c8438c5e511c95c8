"""One line each of the speeds: measured here and now, whatever else runs beside it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
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
    Width,
)
from benchmarks.steps import CROSSOVER
from benchmarks.target_lines import measured
from perceptron.errors import UserError

ROUNDS = 7
BASE = "numpy-published"
OVER = ("numpy", "numpy-inplace")
# Each of its two pairs of bodies twice.
GATE_RUNS = 4


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
