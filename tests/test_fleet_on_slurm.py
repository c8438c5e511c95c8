"""A bench of two machines through Slurm for real: nothing that was measured is lost or repeated.

One job is cancelled half-way, the machine of the other goes down, and the same command resumes
both; one of them is put back into the queue then.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perceptron.measure.revision import measuring_code
from perceptron.problems import catalogue
from perceptron.records.measurement import Measurement
from perceptron.records.row import times
from perceptron.records.run import Run
from perceptron.records.store import load_plan, read_rows
from tests.conftest import ROOT, Perceptron
from tests.slurm import NODES, Cluster, wait_until

pytestmark = pytest.mark.slow

# Small, and several processes: whoever looks sees it half done, on a machine of any speed.
QUESTION = "bench --families none --backends numpy --threads 1 --quick --budget 9"
JOBS = f"--on slurm --sbatch partition={','.join(NODES.values())} time=10 --html= --json"
BENCH = (*QUESTION.split(), *JOBS.split())
PATIENCE = 300.0


class User:
    """Somebody in a folder who types commands on a machine of the cluster."""

    def __init__(self, folder: Path, here: Perceptron) -> None:
        self.folder = folder
        self._here = here

    def starts(self, *arguments: str) -> subprocess.Popen[str]:
        """Type a command that waits, and go on."""
        return subprocess.Popen(
            [sys.executable, "-m", "perceptron", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def types(self, *arguments: str, code: int) -> Any:
        """Return the document that a command prints."""
        answer = self._here(*arguments)
        assert answer.returncode == code, answer.stdout + answer.stderr
        return json.loads(answer.stdout)

    def rows_of(self, partition: str) -> list[Measurement]:
        """Return the rows that the job of a partition has measured."""
        runs = self.folder.glob(f"results/fleet/*/jobs/{partition}/results/runs/*/*/")
        return [row for run in runs for row in rows_in(run)]


def ended(command: subprocess.Popen[str], code: int) -> str:
    """Return a command's output, once it has ended."""
    printed, errors = command.communicate(timeout=PATIENCE)
    assert command.returncode == code, printed + errors
    return printed or errors


def rows_in(run: Path) -> list[Measurement]:
    file = run / "measurements.jsonl"
    return times(read_rows(file)) if file.exists() else []


@pytest.fixture
def user(
    tmp_path: Path, cluster: Cluster, here: Perceptron, monkeypatch: pytest.MonkeyPatch
) -> User:
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    return User(tmp_path, here)


def test_jobs_that_were_ended_half_way_keep_their_rows_and_are_resumed(
    user: User, cluster: Cluster
) -> None:
    waiting, leaving = user.starts(*BENCH), user.starts(*BENCH)
    assert_soon(cluster, lambda: all(len(user.rows_of(part)) > 1 for part in NODES.values()))
    for client in (waiting, leaving):
        assert client.stderr is not None
        assert "  " in client.stderr.readline(), "it waits, and says for which job"
    jobs = jobs_of(cluster)
    assert len(cluster.jobs()) == len(NODES), "two who ask the same share the jobs"
    leaving.send_signal(signal.SIGINT)
    cluster.call("scancel", jobs["a"])
    cluster.call("scontrol", "update", "NodeName=n2", "State=down", "Reason=test")
    # Whoever waited is told; who left is not.
    states = {job["job"]: job["state"] for job in json.loads(ended(waiting, code=1))["jobs"]}
    assert states == dict.fromkeys(NODES.values(), "failed")
    assert "the jobs continue" in ended(leaving, code=2)
    before = {part: user.rows_of(part) for part in NODES.values()}

    (fleet,) = user.types("fleet", "status", "--json", code=1)["fleets"]
    known = {job["job"]: (job["machine"], job["rows"]) for job in fleet["jobs"]}
    assert known == {part: (node, len(before[part])) for node, part in NODES.items()}
    assert "CANCELLED" in fleet["jobs"][0]["reason"]
    user.types("fleet", "collect", "--json", code=1)
    for node, part in NODES.items():
        (run,) = (user.folder / "results" / "runs" / node).glob("*/")
        assert rows_in(run) == before[part]

    again = user.starts(*BENCH)  # the same command
    assert_soon(cluster, lambda: len(user.rows_of("b")) > len(before["b"]))
    job = jobs_of(cluster)["b"]
    cluster.call("scontrol", "update", f"JobId={job}", "Requeue=1")
    cluster.call("scontrol", "requeue", job)
    answer = json.loads(ended(again, code=0))
    states = {job["job"]: (job["state"], job["machine"]) for job in answer["jobs"]}
    assert states == {part: ("done", node) for node, part in NODES.items()}
    measured = {}
    for node, part in NODES.items():
        (run,) = (user.folder / "results" / "runs" / node).glob("*/")
        rows = rows_in(run)
        assert rows[: len(before[part])] == before[part], "nothing lost"
        assert len(rows) > len(before[part])
        subjects = Counter((row.problem, row.backend, row.repeat) for row in rows)
        assert set(subjects.values()) == {1}, "nothing measured twice"
        measured[node] = set(subjects)
        assert_is_whole(load_plan(run), rows, node)
    backends = ("numpy-published", "numpy")
    expected = {("or-gate", backend, repeat) for backend in backends for repeat in range(4)}
    assert all(expected <= measured_rows for measured_rows in measured.values()), (
        "whatever came between"
    )


def jobs_of(cluster: Cluster) -> dict[str, str]:
    """The job of each partition."""
    return dict(line.split() for line in cluster.call("squeue", "-ho", "%P %i").splitlines())


def assert_soon(cluster: Cluster, holds: Callable[[], bool]) -> None:
    assert wait_until(holds, PATIENCE), (cluster.jobs(), cluster.last_lines())


def assert_is_whole(run: Run, rows: list[Measurement], node: str) -> None:
    """A finished run of this node, whose rows say which code measured which training on what."""
    assert run.machine == node
    assert run.finished is not None
    assert not run.cut_short
    assert {row.machine for row in rows} == {node}
    assert [(row.problem, row.backend, row.reason) for row in rows if row.status != "ok"] == []
    assert {(row.code, row.environment) for row in rows} == {(measuring_code(), run.environment)}
    for row in rows:
        assert row.problem is not None
        assert row.problem_digest == catalogue.find(row.problem).digest
