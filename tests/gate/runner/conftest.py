"""The program of a side, told what to do as the gate tells it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perceptron.gate import runner
from perceptron.gate.sampling.processes import Instrument

PROGRAM = Path(runner.__file__).with_name("program.py")
Answers = list[dict[str, Any]]


@contextmanager
def program(
    tree: Path,
    kind: str,
    tasks: Sequence[tuple[str, str]],
    effort: Mapping[str, int] | None = None,
    under: Instrument | None = None,
    **facts: object,
) -> Iterator[subprocess.Popen[str]]:
    """Start it for the benchmarks of these keys and ids; ``facts`` are entries of the job.

    It runs ``under`` an instrument, with its variables.
    """
    under = under or Instrument(kind)
    folder = tree.parent / "work"
    folder.mkdir(exist_ok=True)
    job = {
        "kind": kind,
        "tree": str(tree),
        "roots": [str(tree)],
        "others": [],
        "project": "toy",
        "folder": str(folder),
        "draw": 5,
        "tasks": [
            {"key": key, "id": test_id, "type": "time", **(effort or {})} for key, test_id in tasks
        ],
        **facts,
    }
    with subprocess.Popen(
        [*under.command, sys.executable, str(PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(folder), **under.variables},
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        yield process


def answers_of(process: subprocess.Popen[str]) -> Answers:
    assert process.stdout is not None
    return [json.loads(line) for line in process.stdout]


def measurements(received: Answers) -> dict[str, dict[str, Any]]:
    return {answer["key"]: answer for answer in received if answer["kind"] == "measurement"}


def outcomes(received: Answers) -> dict[str, tuple[str, str | None]]:
    return {
        key: (measurement["status"], measurement.get("reason"))
        for key, measurement in measurements(received).items()
    }
