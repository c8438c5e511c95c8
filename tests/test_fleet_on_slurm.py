"""A bench of two machines through Slurm for real: nothing that was measured is lost or repeated.

One job is cancelled half-way and one runs into its time limit, while nobody waits for them; the
same command then finishes both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from perceptron.measure.revision import measuring_code
from perceptron.problems import catalogue
from perceptron.records.measurement import Measurement
from perceptron.records.run import Run
from perceptron.records.store import load_plan, read_rows
from tests.conftest import ROOT
from tests.slurm import NODES, Cluster, wait_until

pytest.importorskip("submitit")
pytestmark = pytest.mark.slow

# Small, and many processes: whoever looks sees it half done, on a machine of any speed.
QUESTION = (
    *("--families", "perceptron-features", "--quick", "--backends", "numpy"),
    *("--threads", "1", "--rounds", "3", "--budget", "9", "--time", "10", "--html", ""),
)
BENCH = ("bench", "--on", "slurm", "--partitions", ",".join(NODES.values()), *QUESTION, "--json")
PATIENCE = 180.0


class User:
    """Somebody in a folder who types commands on a machine of the cluster."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder
        self._settings: dict[str, Any] = {
            "cwd": folder,
            "env": {**os.environ, **cluster.environment, "PYTHONPATH": str(ROOT)},
            "text": True,
        }

    def starts(self, *arguments: str) -> subprocess.Popen[str]:
        program = [sys.executable, "-m", "perceptron", *arguments]
        return subprocess.Popen(program, **self._settings, stderr=subprocess.DEVNULL)

    def types(self, *arguments: str, code: int) -> Any:
        """Return the document that a command prints."""
        answer = subprocess.run(
            [sys.executable, "-m", "perceptron", *arguments],
            **self._settings,
            capture_output=True,
            check=False,
        )
        assert answer.returncode == code, answer.stdout + answer.stderr
        return json.loads(answer.stdout)

    def run_of(self, partition: str) -> Path | None:
        """Return the folder of what the job of a partition measures, once it has begun."""
        return next(self.folder.glob(f"results/fleet/*/jobs/{partition}/results/runs/*/*/"), None)

    def rows_of(self, partition: str) -> list[Measurement]:
        run = self.run_of(partition)
        return [] if run is None else rows_in(run)


def rows_in(run: Path) -> list[Measurement]:
    file = run / "measurements.jsonl"
    return list(read_rows(file)) if file.exists() else []


@pytest.fixture
def user(tmp_path: Path, cluster: Cluster) -> User:
    return User(tmp_path, cluster)


def test_jobs_that_were_ended_half_way_keep_their_rows_and_are_resumed(
    user: User, cluster: Cluster
) -> None:
    waiting = user.starts(*BENCH)
    try:
        assert wait_until(
            lambda: all(len(user.rows_of(part)) > 1 for part in NODES.values()), PATIENCE
        ), cluster.last_lines()
    finally:
        waiting.kill()
        waiting.wait()
    jobs = dict(line.split() for line in cluster.call("squeue", "-ho", "%P %i").splitlines())
    cluster.call("scancel", jobs["a"])
    # A job that stands still is not done before Slurm looks at its time, which is twice a minute.
    cluster.call("scancel", "--signal=STOP", jobs["b"])
    # Slurm looks twice a minute: once before the end, when it sends its warning, and once after it.
    cluster.call("scontrol", "update", f"JobId={jobs['b']}", "EndTime=now+40")
    assert wait_until(lambda: not cluster.jobs(), PATIENCE), (cluster.jobs(), cluster.last_lines())
    before = {part: user.rows_of(part) for part in NODES.values()}

    (told,) = user.types("fleet", "status", "--json", code=1)["fleets"]
    states = {job["job"]: (job["state"], job["machine"], job["rows"]) for job in told["jobs"]}
    assert states == {
        "a": ("cancelled", "n1", len(before["a"])),
        "b": ("timed out", "n2", len(before["b"])),
    }
    user.types("fleet", "collect", "--json", code=1)
    for node, part in NODES.items():
        (run,) = (user.folder / "results" / "runs" / node).glob("*/")
        assert rows_in(run) == before[part]

    answer = user.types(*BENCH, code=0)  # the same command
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
    assert measured["n1"] == measured["n2"], "all that was asked, whatever came between"


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
