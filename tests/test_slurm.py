"""The cluster that tests start is Slurm for real, says why it cannot start, and leaves nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests import slurm
from tests.slurm import NODES, Cluster, wait_until

pytestmark = pytest.mark.slow


def test_exclusive_jobs_run_on_both_nodes_at_once(cluster: Cluster, tmp_path: Path) -> None:
    """Also on a machine of one core. Each knows the name of its node."""
    job = f"touch {tmp_path}/$SLURMD_NODENAME; while [ ! -e {tmp_path}/over ]; do sleep 0.1; done"
    for partition in NODES.values():
        cluster.call(
            *("sbatch", f"--partition={partition}", "--exclusive", "--output=/dev/null"),
            f"--wrap={job}",
        )
    assert wait_until(lambda: {file.name for file in tmp_path.iterdir()} == set(NODES), 30)
    assert list(cluster.jobs().values()) == ["RUNNING"] * 2
    (tmp_path / "over").touch()
    assert wait_until(lambda: not cluster.jobs(), 30)


def test_nothing_is_left_of_a_cluster_that_ends_beside_a_job(cluster: Cluster) -> None:
    """Neither a process nor a file, where the block raises too. A second cluster may run beside."""
    with suppress(ZeroDivisionError), slurm.running() as other:
        other.call("sbatch", "--partition=a", "--output=/dev/null", "--wrap=sleep 600")
        assert wait_until(lambda: "sleep" in processes_of(other), 30)
        assert cluster.jobs() == {}, "a cluster of its own"
        raise ZeroDivisionError
    assert processes_of(other) == []
    assert not other.folder.exists()


def test_a_cluster_that_does_not_start_says_why(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, with what the daemon said last."""
    configure = slurm._configure

    def misconfigure(folder: Path) -> None:
        configure(folder)
        with (folder / "slurm.conf").open("a") as file:
            file.write("NoSuchOption=1\n")

    monkeypatch.setattr(slurm, "_configure", misconfigure)
    started = slurm.running()
    with pytest.raises(AssertionError, match=r"(?s)not idle.*slurmctld.*NoSuchOption"):
        started.__enter__()


def test_without_its_programs_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "_path", lambda: os.devnull)
    assert "install slurm-wlm and munge" in str(slurm.unavailable())


def processes_of(cluster: Cluster) -> list[str]:
    names = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("SLURM_CONF") == cluster.environment["SLURM_CONF"]:
                names.append(process.name())
    return names
