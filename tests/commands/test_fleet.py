"""`--on` and `perceptron fleet`: jobs on this machine for real, left, killed and resumed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from perceptron.machine import machine_name
from tests.conftest import ROOT, Perceptron
from tests.made import BENCH, FACTS, bench_rows, keep
from tests.slurm import wait_until

# It ends with its last seed, on a machine of any speed.
ROWS = 2
QUESTION = (
    *("race", "--target", "accuracy=0.8", "--backends", "numpy", "--seeds", str(ROWS)),
    *("--threads", "1", "--budget", "9"),
)
ON_TWO = (*QUESTION, "--on", "local:2", "--html", "")
MACHINES = [f"{machine_name()[:48]}-local-{number}" for number in (1, 2)]


def processes(folder: Path, job: str) -> Iterator[psutil.Process]:
    """Yield the process of a job, and all that it has started."""
    scripts = {str(script) for script in folder.glob(f"results/fleet/*/jobs/{job}/job.sh")}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if scripts & set(process.cmdline()):
                yield from (process, *process.children(recursive=True))


def end_processes(folder: Path, job: str) -> None:
    for process in list(processes(folder, job)):
        with suppress(psutil.Error):
            process.kill()
            process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    end_processes(tmp_path, "*")


def lines_of(folder: Path, runs: str) -> list[bytes]:
    """Return the lines of the rows of all these runs."""
    files = sorted(folder.glob(f"results/{runs}/*/measurements.jsonl"))
    return [line for file in files for line in file.read_bytes().splitlines(keepends=True)]


def submitted(folder: Path) -> dict[str, int]:
    """Return when each job was submitted last."""
    files = folder.glob("results/fleet/*/jobs/*/job.sh")
    return {file.parent.name: file.stat().st_mtime_ns for file in files}


def document_of(done: subprocess.CompletedProcess[str], code: int) -> Any:
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_jobs_outlive_ctrl_c_and_one_that_was_killed_is_resumed_by_the_same_command(
    here: Perceptron, folder: Path
) -> None:
    """What is done is not measured again, and what was merged and lost is merged again."""
    killed = "fleet/*/jobs/local-1/results/runs/*"
    leaving = subprocess.Popen(
        [sys.executable, "-m", "perceptron", *ON_TWO],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert wait_until(lambda: bool(lines_of(folder, killed)), 300)
        # However fast the machine is, the job is not done before it is killed.
        for item in processes(folder, "local-1"):
            with suppress(psutil.Error):  # a worker that has just ended
                item.suspend()
    finally:
        os.killpg(leaving.pid, signal.SIGINT)  # as a terminal sends ctrl-C
    _, message = leaving.communicate(timeout=60)
    assert leaving.returncode == 2, message
    assert "error: interrupted; the jobs continue: `perceptron fleet status`" in message
    (left,) = document_of(here("fleet", "status", "--json"), 0)["fleets"]
    assert [job["job"] for job in left["jobs"]] == ["local-1", "local-2"]
    assert {job["state"] for job in left["jobs"]} <= {"running", "done"}

    end_processes(folder, "local-1")
    complete, before = lines_of(folder, killed), submitted(folder)
    (left,) = document_of(here("fleet", "status", "--json"), 1)["fleets"]
    assert (left["jobs"][0]["state"], left["jobs"][0]["machine"]) == ("failed", MACHINES[0])
    assert len(complete) == 1
    document = document_of(here(*ON_TWO, "--json"), 0)
    jobs = [(job["machine"], job["state"], job["rows"]) for job in document["jobs"]]
    assert jobs == [(machine, "done", ROWS) for machine in MACHINES]
    assert [item["machine"] for item in document["machines"]] == MACHINES
    assert all(item["answers"][0].startswith("cold start: ") for item in document["machines"])
    assert lines_of(folder, f"runs/{MACHINES[0]}")[:1] == complete
    after = submitted(folder)
    assert [job for job in after if after[job] != before[job]] == ["local-1"]

    again = here(*ON_TWO)
    assert again.stdout.startswith(f"{MACHINES[0]}  cold start: ")
    assert submitted(folder) == after
    shutil.rmtree(folder / "results" / "runs")
    collected = document_of(here("fleet", "collect", "--json"), 0)
    assert [item["added"] for item in collected["runs"]] == [ROWS, ROWS]
    assert len(lines_of(folder, "runs/*")) == 2 * ROWS


def test_fleet_collect_exits_with_1_for_unusable_run(here: Perceptron, tmp_path: Path) -> None:
    for host in ("one", "two"):
        keep(tmp_path / host, BENCH, bench_rows(), machine=host, folder=host)
    (tmp_path / "two" / "runs" / "two" / f"environment-{FACTS.id}.json").unlink()
    done = here("fleet", "collect", "one", "two", "--html", "", "--json")
    document = document_of(done, 1)
    assert "not collected: two/runs/two/environment-" in done.stderr
    assert len(document["complaints"]) == 1
    assert [item["machine"] for item in document["machines"]] == ["one"]
