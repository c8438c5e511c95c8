"""What tests of fleets share: made-up jobs, and commands of Slurm that say what they are told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from perceptron.studies.fleet.folder import (
    Attempt,
    FleetFolder,
    FleetPlan,
    JobFolder,
    Submission,
    open_fleet,
)

Says = Callable[..., None]


def submission(**fields: object) -> Submission:
    """What a job is to run; any field can be given."""
    defaults: dict[str, object] = {
        "arguments": ["bench", "--quick"],
        "where": "slurm",
        "minutes": 12,
        "budget_seconds": 60.0,
    }
    return Submission(**(defaults | fields))  # type: ignore[arg-type]


@pytest.fixture
def fleet(tmp_path: Path) -> FleetFolder:
    """A fleet through Slurm that nothing was submitted of."""
    plan = FleetPlan(
        command=["bench", "--quick"], where="slurm", version="1", commit="abc", contents={}
    )
    return open_fleet(tmp_path / "results", plan)


@pytest.fixture
def job(fleet: FleetFolder) -> JobFolder:
    """Its job on the partition a, which Slurm has as number 7."""
    job = fleet.job("a")
    job.write(Attempt(id="7", host="login", budget_seconds=60.0))
    job.log.mkdir()
    return job


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Have a command of Slurm's print these lines; the first call puts it on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def say(command: str, answer: str = "", error: str = "", code: int = 0) -> None:
        (folder / f"{command}.out").write_text(answer)
        (folder / f"{command}.err").write_text(error)
        program = folder / command
        program.write_text(
            f'#!/bin/sh\necho "$@" >>{folder}/{command}.asked\n'
            f"cat {folder}/{command}.out; cat {folder}/{command}.err >&2; exit {code}\n"
        )
        program.chmod(0o755)

    say("squeue")
    return say
