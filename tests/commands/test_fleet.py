"""`--on` and `perceptron fleet`: jobs on this machine for real, ended, resumed and collected."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import psutil
import pytest

from perceptron.cli import app
from perceptron.machine import machine_name
from tests.conftest import ROOT, Perceptron
from tests.made import BENCH, FACTS, bench_rows, keep

# It ends with its last seed, on a machine of any speed.
ROWS = 2
QUESTION = (
    *("race", "--target", "accuracy=0.8", "--backends", "numpy", "--seeds", str(ROWS)),
    *("--threads", "1", "--budget", "9"),
)
ON_TWO = (*QUESTION, "--on", "local:2", "--html", "")
# Against a hang, on however busy a machine.
_GUARD_SECONDS = 300.0
MACHINES = [f"{machine_name()[:48]}-local-{number}" for number in (1, 2)]


class World:
    """A folder in which a fleet was started, left, lost a job, resumed and collected."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.left = self._interrupted(lambda: self._rows("local-1") >= 1)
        self.after_leaving = self.run("fleet", "status", "--json")
        before = self.submitted()
        self.kept = self._kill("local-1")
        self.after_killing = self.run("fleet", "status", "--json")
        self.resumed = self.run(*ON_TWO, "--json")
        self.after_resuming = self.submitted()
        self.submitted_again = [job for job, at in self.after_resuming.items() if at != before[job]]
        self.again = self.run(*ON_TWO)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Type a command in this process, which has imported already what that takes."""
        with chdir(self.folder), redirect_stdout(StringIO()) as said:
            code = app(arguments, standalone_mode=False)
        return subprocess.CompletedProcess(arguments, code, said.getvalue(), "")

    def submitted(self) -> dict[str, int]:
        """Return when each job was submitted last."""
        files = self.folder.glob("results/fleet/*/jobs/*/job.sh")
        return {file.parent.name: file.stat().st_mtime_ns for file in files}

    def _interrupted(self, holds: Callable[[], bool]) -> subprocess.CompletedProcess[str]:
        """Type the command and, once it holds, what a terminal sends for ctrl-C: to its group."""
        with (self.folder / "said").open("w+") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "perceptron", *ON_TWO],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
            end = time.monotonic() + _GUARD_SECONDS
            while process.poll() is None and not holds() and time.monotonic() < end:
                time.sleep(0.05)
            try:
                # However fast the machine is, the job is not done before it is killed.
                for one in processes(self.folder, "local-1"):
                    with suppress(psutil.Error):  # a worker that has just ended
                        one.suspend()
            finally:
                os.killpg(process.pid, signal.SIGINT)
            code = process.wait(60)
            said.seek(0)
            return subprocess.CompletedProcess(process.args, code, "", said.read())

    def _kill(self, job: str) -> list[bytes]:
        """Kill a job and all that it has started; return the rows that it had measured."""
        end_processes(self.folder, job)
        [rows] = self.folder.glob(f"results/fleet/*/jobs/{job}/results/runs/*/*/*.jsonl")
        content = rows.read_bytes()
        return content[: content.rfind(b"\n") + 1].splitlines(keepends=True)

    def _rows(self, job: str) -> int:
        files = self.folder.glob(f"results/fleet/*/jobs/{job}/results/runs/*/*/*.jsonl")
        return sum(file.read_bytes().count(b"\n") for file in files)


def processes(folder: Path, job: str) -> list[psutil.Process]:
    """Return the process of a job, and all that it has started."""
    scripts = {str(script) for script in folder.glob(f"results/fleet/*/jobs/{job}/job.sh")}
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if scripts & set(process.cmdline()):
                found += [process, *process.children(recursive=True)]
    return found


def end_processes(folder: Path, job: str) -> None:
    for process in processes(folder, job):
        with suppress(psutil.Error):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("fleet")
    try:
        yield World(folder)
    finally:
        end_processes(folder, "*")


def jobs(process: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    document = json.loads(process.stdout)
    fleets = document.get("fleets", [])
    listed = document["jobs"] if "jobs" in document else fleets[0]["jobs"]
    return {job["job"]: job for job in listed}


def collected_rows(folder: Path) -> int:
    files = folder.glob("results/runs/*/*/measurements.jsonl")
    return sum(file.read_bytes().count(b"\n") for file in files)


@pytest.mark.slow
def test_ctrl_c_leaves_the_jobs_running(world: World) -> None:
    """The command says how to go on, and status finds them."""
    assert world.left.returncode == 2, world.left.stderr
    assert "error: interrupted; the jobs continue: `perceptron fleet status`" in world.left.stderr
    assert world.after_leaving.returncode == 0
    status = jobs(world.after_leaving)
    assert list(status) == ["local-1", "local-2"]
    assert all(job["state"] in ("running", "done") for job in status.values())
    assert status["local-1"]["machine"] == MACHINES[0]


@pytest.mark.slow
def test_a_job_that_was_killed_keeps_its_rows_and_is_resumed(world: World) -> None:
    """The next submit measures what is left, in the same run; the other job is left alone."""
    assert world.after_killing.returncode == 1
    assert jobs(world.after_killing)["local-1"]["state"] == "failed"
    assert len(world.kept) == 1
    assert world.resumed.returncode == 0
    done = jobs(world.resumed)
    told = [(job["machine"], job["state"], job["rows"]) for job in done.values()]
    assert told == [(machine, "done", ROWS) for machine in MACHINES]
    assert world.submitted_again == ["local-1"]
    [rows] = world.folder.glob(f"results/runs/{MACHINES[0]}/*/measurements.jsonl")
    assert rows.read_bytes().startswith(b"".join(world.kept))


@pytest.mark.slow
def test_the_document_has_the_jobs_the_answers_and_where_all_lies(world: World) -> None:
    document = json.loads(world.resumed.stdout)
    assert [one["machine"] for one in document["machines"]] == MACHINES
    for one in document["machines"]:
        assert one["study"] == "race"
        assert one["answers"][0].startswith("cold start: ")
        assert (world.folder / one["results"] / "run.json").is_file()
    assert document["results"] == "results/runs"
    assert document["dashboard"] is None
    assert [one["rows"] for one in document["runs"]] == [ROWS, ROWS]


@pytest.mark.slow
def test_what_is_done_is_not_measured_again(world: World) -> None:
    assert world.again.returncode == 0
    assert world.submitted() == world.after_resuming
    assert collected_rows(world.folder) == 2 * ROWS
    assert world.again.stdout.startswith(f"{MACHINES[0]}  cold start: ")


@pytest.mark.slow
def test_status_and_collect_find_the_fleet(world: World, here: Perceptron, tmp_path: Path) -> None:
    """Also where the rows were lost that had been merged; the same page as of any results."""
    shutil.copytree(world.folder / "results" / "fleet", tmp_path / "results" / "fleet")
    status = here("fleet", "status")
    assert status.returncode == 0
    assert "perceptron race --target accuracy=0.8" in " ".join(status.stdout.split())
    collected = here("fleet", "collect")
    assert collected.returncode == 0, collected.stderr
    assert collected_rows(tmp_path) == 2 * ROWS
    assert (tmp_path / "html" / "index.html").is_file()
    document = json.loads(here("fleet", "collect", "--json").stdout)
    assert [one["added"] for one in document["runs"]] == [0, 0]


def test_folders_that_were_copied_are_collected_by_the_same_rules(
    here: Perceptron, tmp_path: Path
) -> None:
    """1 and a line where something could not be taken."""
    for host in ("one", "two"):
        keep(tmp_path / host, BENCH, bench_rows(), machine=host, folder=host)
    collect = ("fleet", "collect", "one", "two", "--html", "", "--json")
    done = here(*collect)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [one["machine"] for one in document["machines"]] == ["one", "two"]
    assert document["jobs"] == []
    (tmp_path / "two" / "runs" / "two" / f"environment-{FACTS.id}.json").unlink()
    done = here(*collect)
    assert done.returncode == 1
    assert "not collected: two/runs/two/environment-" in done.stderr
    assert len(json.loads(done.stdout)["complaints"]) == 1
