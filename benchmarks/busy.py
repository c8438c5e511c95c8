"""The suite's speeds, idle and beside one busy neighbour: ``python -m benchmarks.busy``.

Each line is measured twice; the neighbour, a process that spins on one core, is started and ended
here. ``--save docs/how-sure.md`` puts the table into the page; the numbers behind it are kept in
results/speeds/. ``--answers`` asks instead whether answers hold beside three busy processes.
Nothing here is a test: a target that is missed says so.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from benchmarks import busy_answers
from benchmarks.results import CROSSOVER
from benchmarks.shared import ROOT, busy_neighbour, measured, typed, unsteer
from benchmarks.speeds import (
    Answer,
    Asked,
    GateSpeed,
    SelfRatios,
    SelfRound,
    Side,
    Speeds,
    Width,
    read_speeds,
)
from perceptron.backends import registry
from perceptron.commands.shared.options import folder_name
from perceptron.errors import UserError
from perceptron.machine import cpu_name, machine_name, usable_cores
from perceptron.measure.job import Batch, Outcome
from perceptron.measure.launch import Workers
from perceptron.measure.revision import revision
from perceptron.problems import catalogue
from perceptron.problems.problem import Problem
from perceptron.records.files import write
from perceptron.records.measurement import Measurement, Timings
from perceptron.records.run import now
from perceptron.report import text_file

COMMAND = "python -m benchmarks.busy"
ANSWERS = "answers-beside-others"
"""The block of docs/how-sure.md that ``--answers --save`` writes."""
ROUNDS = 7
BASE = "numpy-published"
OVER = ("numpy", "numpy-inplace")
# Each of its two pairs of bodies twice.
GATE_RUNS = 4
# Of a backend against itself in a round: as many processes as a crossover has.
PAIRS = 8
# A backend and its threads; on small problems, where a neighbour disturbs most.
ALIKE = (("numpy", 1), ("torch-cpu", 2))
ALIKE_PROBLEMS = ("mlp-width:32", "mlp-width:128", "mlp-width:512", "perceptron-rows:1024")
ALIKE_SECONDS = 55.0
"""A round of pairs begins within so many seconds; there is one at least."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep and print; return the exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--machine", metavar="NAME", help="name for the results; default: host")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), help="others are kept"
    )
    parser.add_argument(
        "--answers", action="store_true", help="compare answers, idle and beside three processes"
    )
    parser.add_argument("--save", metavar="FILE.md", type=Path, help="put the table into its block")
    options = parser.parse_args(arguments)
    try:
        machine = folder_name("--machine", options.machine) or machine_name()
        unsteer()
        if options.save is not None:
            text_file.reserve(options.save)
        if options.answers:
            block = ANSWERS
            ground = f"{now()[:10]}, {cpu_name()}, {usable_cores()} cores"
            table = "\n".join(busy_answers.lines(busy_answers.measure(_say), ground))
        else:
            from docs.build.how_sure import speeds_lines  # asv imports this module

            block = "speeds"
            file = ROOT / "results" / "speeds" / f"{machine}.json"
            table = "\n".join(speeds_lines(measure(file, options.only)))
        print(table)
        if options.save is not None:
            from docs.build.blocks import fill

            text = options.save.read_text(encoding="utf-8")
            filled = fill(text, {block: table}, str(options.save))
            _say(f"wrote {text_file.write(options.save, filled)}")
        return 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def measure(file: Path, parts: Sequence[str]) -> Speeds:
    """Measure each part without and with the neighbour; the file has what is there after each.

    Of other parts it keeps what the same code measured. A part that fails is said.
    """
    code = revision() or ""
    speeds = Speeds(
        machine=file.stem,
        cpu=cpu_name(),
        cores=usable_cores(),
        code=code,
        when=now(),
        command=COMMAND,
    )
    if file.exists() and (stored := read_speeds(file)).code == code:
        speeds = stored
    file.parent.mkdir(parents=True, exist_ok=True)
    for name in parts:
        for neighbours, side in enumerate(("quiet", "busy")):
            _say(f"{name}, {side} …")
            begin = time.monotonic()
            try:
                with busy_neighbour(neighbours):
                    value = PARTS[name]()
            except UserError as error:
                _say(f"{name}, {side}: {error}")
                continue
            _say(f"{name}, {side}: {time.monotonic() - begin:.0f} s")
            known: Side = getattr(speeds, side)
            speeds = replace(speeds, when=now(), **{side: replace(known, **{name: value})})
            write.replace(file, speeds)
    return speeds


def asked(*words: str) -> Asked:
    """Type a `bench` or a search in a folder of its own; raises `UserError` if it fails."""
    with tempfile.TemporaryDirectory(prefix="perceptron-speeds-") as folder:
        begin = time.monotonic()
        document = typed(*words, folder=folder)
        seconds = time.monotonic() - begin
    found = [(_about(one), one) for one in document["crossovers"]]
    return Asked(
        seconds,
        [
            Answer(
                **about,
                status=one["status"],
                sure=one["is_decided"],
                size=one["size"],
                low=one["low"],
                high=one["high"],
            )
            for about, one in found
            if one["status"] != "not measured"
        ],
        [
            Width(**about, size=at["size"], width=_width(at["low"], at["high"]))
            for about, one in found
            if words[0] == "bench"
            for at in one["ratio_at"]
        ],
    )


def _about(crossover: dict[str, Any]) -> dict[str, str]:
    pair = f"{crossover['incumbent']}:{crossover['challenger']}"
    return {"family": crossover["family"], "pair": pair}


def _width(low: float | None, high: float | None) -> float | None:
    return high / low - 1 if low and high else None


def or_gate_ratios() -> dict[str, list[float]]:
    """Return the times over that of the published NumPy, of fresh processes in each round."""
    ratios: dict[str, list[float]] = {name: [] for name in OVER}
    for _ in range(ROUNDS):
        seconds = {
            name: measured(name, "or-gate", registry.published_dtype(name)).seconds
            for name in (BASE, *OVER)
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

    with tempfile.TemporaryDirectory(prefix="perceptron-speeds-") as name:
        folder, same = Path(name), BY_NAME["same"]
        make(folder)
        runs = [
            run(folder, same, number, "", "", None, lambda _: "") for number in range(GATE_RUNS)
        ]
    return GateSpeed([one.seconds for one in runs], [one.verdict for one in runs])


def alike() -> list[SelfRatios]:
    """Return each backend against itself, in rounds of pairs of fresh processes."""
    return [
        SelfRatios(backend=backend, threads=threads, rounds=_rounds(backend, threads))
        for backend, threads in ALIKE
    ]


def _rounds(backend: str, threads: int) -> list[SelfRound]:
    begin = time.monotonic()
    rounds: list[SelfRound] = []
    while not rounds or time.monotonic() - begin < ALIKE_SECONDS:
        pairs = [pair_of(backend, threads, number) for number in range(PAIRS)]
        rounds.append(
            SelfRound(
                first=[row for pair in pairs for row in pair.first],
                second=[row for pair in pairs for row in pair.second],
            )
        )
    return rounds


def pair_of(
    backend: str, threads: int, number: int, problems: Sequence[str] = ALIKE_PROBLEMS
) -> SelfRound:
    """Time two fresh processes; they take turns problem by problem, in random order, as studies do.

    ``number`` is the process in both sides' rows.
    """
    loaded, shuffle = registry.load(backend), random.Random()
    jobs = [
        Batch(
            backend=backend,
            problems=[problem],
            dtype="float32",
            threads=threads,
            samples=5,
            minimum_seconds=0.01,
        )
        for problem in problems
    ]
    both: list[list[Measurement]] = [[], []]
    sides = [0, 1]
    shuffle.shuffle(jobs)
    with Workers() as workers:
        workers.warm(dict.fromkeys(sides, (jobs[0], loaded)))
        for job in jobs:
            shuffle.shuffle(sides)
            problem = catalogue.find(job.problems[0])
            for side in sides:
                both[side] += [
                    _row(outcome, problem, job, number)
                    for outcome in workers.run(side, job, loaded)
                ]
    first, second = both
    return SelfRound(first, second)


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


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# Each a field of `Side`.
PARTS: dict[str, Callable[[], Any]] = {
    "crossover": lambda: asked(*CROSSOVER),
    "ratios": or_gate_ratios,
    "gate": gate_speed,
    "alike": alike,
    "bench": lambda: asked("bench"),
}

if __name__ == "__main__":
    sys.exit(main())
