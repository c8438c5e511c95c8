"""What runs on a node: the command under the node's name, and how it leaves when it is told to."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from types import SimpleNamespace

import pytest

from perceptron.machine import machine_name
from perceptron.studies.fleet import job as module
from perceptron.studies.fleet.folder import FleetFolder, JobFolder, Note
from perceptron.studies.fleet.job import MeasuringJob, machine_of
from tests.studies.fleet.conftest import submission


@pytest.fixture
def node(job: JobFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobFolder]:
    """The job as its node has it; it runs ``commands`` of the test instead of measuring."""
    job.write(submission(arguments=["bench"]))
    log = job.log / "7_0_log.err"
    environment = SimpleNamespace(job_id="7", USR_SIG="USR2", paths=SimpleNamespace(stderr=log))
    monkeypatch.setattr("submitit.JobEnvironment", lambda: environment)
    monkeypatch.setenv("SLURMD_NODENAME", "n1")
    monkeypatch.setattr(sys, "argv", ["_submit"])

    def usual(*_: object) -> None:
        """Stand in for submitit's own handler."""

    before = signal.signal(signal.SIGUSR2, usual)
    yield job
    assert signal.getsignal(signal.SIGUSR2) is usual, "it is put back"
    signal.signal(signal.SIGUSR2, before)


def test_the_node_measures_under_its_name_into_the_folder_of_its_job(
    node: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed: list[list[str]] = []

    def run_module(name: str, run_name: str) -> None:
        assert (name, run_name) == ("perceptron", "__main__")
        typed.append(sys.argv)
        sys.exit(0)

    monkeypatch.setattr(module.runpy, "run_module", run_module)
    MeasuringJob(str(node.path))()
    own = ["--results", str(node.results), "--machine", "n1", "--html", ""]
    assert typed == [["perceptron", "bench", *own]]
    assert node.note("7") == Note(machine="n1", state="done")


@pytest.mark.parametrize(
    ("number", "code", "state"),
    [
        (signal.SIGTERM, 2, "cancelled"),
        (signal.SIGUSR2, 2, "timed out"),
        (signal.SIGTERM, 3, "done"),
        (None, 2, "failed"),
    ],
)
def test_a_job_that_is_told_to_end_ends_as_by_ctrl_c_and_has_not_failed(
    node: JobFolder,
    monkeypatch: pytest.MonkeyPatch,
    number: int | None,
    code: int,
    state: str,
) -> None:
    """What is done is done; what fails has its last line as the reason."""

    def run_module(name: str, run_name: str) -> None:
        with suppress(KeyboardInterrupt):
            if number is not None:
                os.kill(os.getpid(), number)
        sys.exit(code)

    monkeypatch.setattr(module.runpy, "run_module", run_module)
    (node.log / "7_0_log.err").write_text("error: no torch\n")
    with nullcontext() if state == "done" else pytest.raises(RuntimeError) as failed:
        MeasuringJob(str(node.path))()
    said = node.note("7")
    assert said is not None
    assert said.state == state
    if state == "failed":
        assert str(failed.value) == said.reason == "no torch"


def test_a_machine_is_called_as_its_cluster_calls_it(
    fleet: FleetFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a name of the cluster's as it calls itself; on one machine every job has its own."""
    job = fleet.job("local-2")
    monkeypatch.setenv("SLURMD_NODENAME", "gpu/7")
    assert machine_of(job, submission()) == "gpu-7"
    assert machine_of(job, submission(machine="mine")) == "mine"
    assert machine_of(job, submission(where="local")) == f"{machine_name()[:48]}-local-2"
    monkeypatch.delenv("SLURMD_NODENAME")
    assert machine_of(job, submission()) == machine_name()
