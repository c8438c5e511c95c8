"""The suite's speeds, quiet and beside one busy neighbour: ``python -m benchmarks.busy``.

Each line is measured twice; the neighbour, a process that spins on one core, is started and ended
here. ``--save docs/how-sure.md`` puts the table into the page; the numbers behind it are kept in
results/speeds/. ``--answers`` asks instead whether answers hold beside three busy processes.
Nothing here is a test: a target that is missed says so.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from benchmarks import busy_answers, speed_parts
from benchmarks.code_state import code_state
from benchmarks.neighbour import busy_neighbour
from benchmarks.results import ROOT, STEERING
from benchmarks.speeds import (
    CrossoverSpeed,
    Speeds,
    keep_speeds,
    read_speeds,
    speeds_file,
)
from benchmarks.steps import ProgressFile, steps
from perceptron.commands.shared.options import folder_name
from perceptron.errors import UserError, unknown
from perceptron.machine import cpu_name, machine_name, usable_cores
from perceptron.report import text_file

COMMAND = "python -m benchmarks.busy"
ANSWERS = "answers-beside-others"
"""The block of docs/how-sure.md that ``--answers --save`` writes."""
PARTS: dict[str, Callable[[], Any]] = {
    "crossover": speed_parts.crossover_speed,
    "ratios": speed_parts.or_gate_ratios,
    "gate": speed_parts.gate_speed,
    "alike": speed_parts.alike_speed,
    "bench": speed_parts.bench_speed,
}
# On two cores, both sides.
MINUTES = {"crossover": 4.0, "ratios": 1.0, "gate": 2.0, "alike": 4.5, "bench": 13.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, keep and print; return the exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--machine", metavar="NAME", help="name for the results; default: host")
    parser.add_argument("--only", metavar="PART,…", help=f"of {', '.join(PARTS)}; others are kept")
    parser.add_argument(
        "--of-record",
        action="store_true",
        help="take the quiet bench and crossover that `make results` measured",
    )
    parser.add_argument(
        "--answers", action="store_true", help="compare answers, idle and beside three processes"
    )
    parser.add_argument("--save", metavar="FILE.md", type=Path, help="put the table into its block")
    options = parser.parse_args(arguments)
    try:
        machine = folder_name("--machine", options.machine) or machine_name()
        for name in STEERING:  # all that is started here takes this machine's own kernels
            if os.environ.pop(name, None) is not None:
                print(f"{name} was set: not for what is measured", file=sys.stderr)
        if options.save is not None:
            text_file.reserve(options.save)
        if options.answers:
            block = ANSWERS
            ground = f"{_now()[:10]}, {cpu_name()}, {usable_cores()} cores"
            table = "\n".join(busy_answers.lines(busy_answers.measure(_say), ground))
        else:
            block, known = "speeds", of_record(machine) if options.of_record else {}
            before = current(ROOT / "results", machine)
            parts = chosen(options.only)
            keep = partial(keep_speeds, ROOT / "results")
            from docs.build.how_sure import speeds_lines  # asv imports this module

            table = "\n".join(speeds_lines(measure(before, parts, known, keep, _say)))
        print(table)
        if options.save is not None:
            from docs.build.blocks import fill

            text = options.save.read_text(encoding="utf-8")
            filled = fill(text, {block: table}, str(options.save))
            print(f"wrote {text_file.write(options.save, filled)}", file=sys.stderr)
        return 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def chosen(only: str | None) -> list[str]:
    """Return the parts to measure; raises `UserError` for a name that is none."""
    if only is None:
        return list(PARTS)
    named = [name.strip() for name in only.split(",") if name.strip()]
    for name in named:
        if name not in PARTS:
            raise unknown("--only", name, PARTS)
    return named


def current(results: Path, machine: str) -> Speeds:
    """Return what was measured with this state of the code; of another nothing is kept."""
    code = code_state(ROOT)
    stored = read_speeds(speeds_file(results, machine))
    if stored is not None and stored.code == code:
        return stored
    return Speeds(
        machine=machine,
        cpu=cpu_name(),
        cores=usable_cores(),
        code=code,
        when=_now(),
        command=COMMAND,
    )


def of_record(machine: str) -> dict[str, Any]:
    """Return the quiet parts that `make results` measured; raises `UserError` for one missing."""
    folder = ROOT / "results" / ".record" / machine
    progress = ProgressFile(folder, code_state(ROOT))
    known: dict[str, Any] = {}
    for step in steps(machine, folder / "commits"):
        if step.name not in ("bench", "crossover"):
            continue
        done = progress.done(step.name, [list(command) for command in step.commands])
        if not done.finished:
            raise UserError(f"--of-record: make results has not finished {step.name} for this code")
        document = msgspec.json.decode(progress.output(step.name).read_bytes())
        known[step.name] = (
            speed_parts.bench_of(done.seconds, document)
            if step.name == "bench"
            else CrossoverSpeed(done.seconds, speed_parts.answers(document))
        )
    return known


def measure(
    speeds: Speeds,
    parts: Sequence[str],
    known: Mapping[str, Any],
    keep: Callable[[Speeds], object],
    say: Callable[[str], object],
    measures: Mapping[str, Callable[[], Any]] = PARTS,
    neighbour: Callable[[bool], AbstractContextManager[None]] = busy_neighbour,
    clock: Callable[[], float] = time.monotonic,
) -> Speeds:
    """Measure each part without and with the neighbour; ``keep`` what is there after each.

    A part that fails is said; what was kept of it stays.
    """
    say(f"{', '.join(parts)}: about {sum(MINUTES[name] for name in parts):g} min")
    for name in parts:
        for side in ("quiet", "busy"):
            begin = clock()
            say(f"{name}, {side} …")
            try:
                if side == "quiet" and name in known:
                    value = known[name]
                else:
                    with neighbour(side == "busy"):
                        value = measures[name]()
            except UserError as error:
                say(f"{name}, {side}: {error}")
                continue
            parts_of_side = replace(getattr(speeds, side), **{name: value})
            speeds = replace(speeds, when=_now(), **{side: parts_of_side})
            keep(speeds)
            say(f"{name}, {side}: {clock() - begin:.0f} s")
    return speeds


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    sys.exit(main())
