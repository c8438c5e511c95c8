"""Files of a fleet may come from anywhere: what no fleet writes is refused by name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.studies.fleet.folder import JobFolder, fleet_plan
from tests.conftest import ROOT


def write(file: Path, **fields: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(fields))


@pytest.mark.parametrize(
    ("option", "name"), [("--problem", "mine.toml"), ("--functions", "mine.py")]
)
def test_an_edited_file_is_another_fleet(
    option: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = (ROOT / "docs" / "examples" / "points-width.toml").read_text()
    text = model if name.endswith(".toml") else "SIZES = (1, 2)\n"

    def plan_id() -> str:
        return fleet_plan(["crossover", option, name], "local", None, ()).id

    Path(name).write_text(text)
    before = plan_id()
    assert plan_id() == before
    Path(name).write_text(f"{text}# edited\n")
    assert plan_id() != before


@pytest.mark.parametrize("number", ["../../elsewhere", "7\n", "-5"])
def test_an_id_that_no_scheduler_gives_is_refused(job: JobFolder, number: str) -> None:
    """It becomes part of paths, and of what Slurm is asked."""
    write(job.path / "attempt.json", id=number, host="login", budget_seconds=1.0)
    with pytest.raises(UserError, match=r"attempt\.json: not what a fleet writes: .*`\$\.id`"):
        job.attempt()


@pytest.mark.parametrize("machine", ["../up", "**", "a\x00"])
def test_a_machine_that_leads_elsewhere_is_refused(job: JobFolder, machine: str) -> None:
    write(job.path / "notes" / "7-0.json", machine=machine, state="running")
    with pytest.raises(UserError, match=r"7-0\.json: not what a fleet writes"):
        job.note("7")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(job: JobFolder) -> None:
    (job.path / "attempt.json").unlink()
    os.mkfifo(job.path / "attempt.json")
    with pytest.raises(UserError, match=r"attempt\.json: no ordinary file"):
        job.attempt()
