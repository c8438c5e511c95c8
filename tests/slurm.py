"""A cluster of Slurm on this machine: the real daemons on loopback, in a folder of their own.

Two nodes, ``n1`` and ``n2``, each with a partition, ``a`` and ``b``. All of it belongs to whoever
runs the tests, root or not, and nothing of the system is touched: munge has its own key and socket,
and clients find the cluster through ``SLURM_CONF``.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

NODES = {"n1": "a", "n2": "b"}
"""Their partitions."""
_COMMANDS = ("munged", "slurmctld", "slurmd", "sbatch", "setpriv")
_SECONDS_TO_START = 60.0
_LAST_LINES = 15


def unavailable() -> str | None:
    """Return why no cluster can be started here, and what to do; None if one can."""
    absent = [name for name in _COMMANDS if shutil.which(name, path=_path()) is None]
    if absent:
        return f"NO SLURM: {', '.join(absent)} not found: install slurm-wlm and munge"
    return None


@dataclass(frozen=True)
class Cluster:
    """A running cluster. ``environment`` is what its clients need beside their own variables."""

    folder: Path
    environment: Mapping[str, str]

    def call(self, *command: str) -> str:
        """Return the output of a client, such as squeue; raise AssertionError where it fails."""
        answer = self._run(*command)
        assert answer.returncode == 0, f"{command}: {answer.stderr}\n{self.last_lines()}"
        return answer.stdout

    def states(self) -> dict[str, str]:
        """Return the state of each node as sinfo writes it; empty while nobody answers."""
        answer = self._run("sinfo", "--noheader", "--Node", "--format=%N %T")
        return dict(line.split() for line in answer.stdout.splitlines())

    def jobs(self) -> dict[str, str]:
        """Return the state of each job that is not over, such as ``RUNNING``, by its id."""
        answer = self.call("squeue", "--noheader", "--format=%i %T")
        return dict(line.split() for line in answer.splitlines())

    def last_lines(self) -> str:
        """Return the end of each daemon's log."""
        ends = []
        for log in sorted(self.folder.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
            ends.append("\n".join([f"{log.name}:", *lines]))
        return "\n".join(ends)

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS_TO_START,
        )


@contextmanager
def running() -> Iterator[Cluster]:
    """Start a cluster, and stop all that it started, whatever happens inside.

    Raises AssertionError with the logs' last lines where it does not come up.
    """
    # munged wants a socket that others may come to; the folders of pytest are closed to them.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    cluster = Cluster(folder, {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": _path()})
    try:
        _configure(folder)
        with ExitStack() as started:
            started.callback(_end_what_is_left, cluster)
            munged = started.enter_context(_daemon(cluster, "munged", *_munged(folder)))
            _wait(cluster, [munged], (folder / "munge" / "socket").exists, "munge has no socket")
            daemons = [started.enter_context(_daemon(cluster, "slurmctld", "slurmctld", "-D"))]
            for node in NODES:
                slurmd = _daemon(cluster, node, "slurmd", "-D", "-N", node)
                daemons.append(started.enter_context(slurmd))
            idle = dict.fromkeys(NODES, "idle")
            _wait(cluster, daemons, lambda: cluster.states() == idle, "the nodes are not idle")
            started.callback(_cancel_jobs, cluster)
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    """Return whether it holds before the time is over."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def _path() -> str:
    """Return where programs are, those of administrators among them."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def _configure(folder: Path) -> None:
    """Write the files that the daemons read."""
    import pwd  # Unix alone has it, and every test imports this module

    munge = folder / "munge"
    munge.mkdir(0o755)
    key = munge / "key"
    key.touch(0o600)
    key.write_bytes(secrets.token_bytes(128))
    user = pwd.getpwuid(os.geteuid()).pw_name
    host = socket.gethostname()
    control, *ports = _free_ports(1 + len(NODES))
    (folder / "cgroup.conf").write_text("CgroupPlugin=disabled\n")
    nodes = [
        f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 State=UNKNOWN\n"
        f"PartitionName={partition} Nodes={node} MaxTime=INFINITE State=UP\n"
        for (node, partition), port in zip(NODES.items(), ports, strict=True)
    ]
    (folder / "slurm.conf").write_text(
        f"""ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# What is put back into the queue waits for its old credential to expire.
AuthInfo=socket={munge / "socket"},cred_expire=5
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
ReturnToService=2
StateSaveLocation={folder / "state"}
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
# Nobody else waits here: what is submitted starts at once, and what is over is forgotten late.
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
KillWait=5
MinJobAge=3600
"""
        # A node offers the cores that it says it has, though the machine may have fewer.
        "SlurmdParameters=config_overrides\n" + "".join(nodes)
    )


def _munged(folder: Path) -> list[str]:
    munge = folder / "munge"
    return [
        *("munged", "--foreground", f"--key-file={munge / 'key'}", f"--socket={munge / 'socket'}"),
        *(f"--pid-file={munge / 'pid'}", f"--seed-file={munge / 'seed'}", "--num-threads=2"),
    ]


@contextmanager
def _daemon(cluster: Cluster, name: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that stays in the foreground; its words go to a log of this name."""
    with (cluster.folder / f"{name}.log").open("wb") as log:
        # It ends when the tests do, even where they are killed.
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            env={**os.environ, **cluster.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(
    cluster: Cluster,
    daemons: Sequence[subprocess.Popen[bytes]],
    holds: Callable[[], bool],
    complaint: str,
) -> None:
    """Wait until it holds, as long as the daemons live."""

    def over() -> bool:
        return any(daemon.poll() is not None for daemon in daemons) or holds()

    came = wait_until(over, _SECONDS_TO_START) and holds()
    assert came, f"{complaint}:\n{cluster.last_lines()}"


def _cancel_jobs(cluster: Cluster) -> None:
    jobs = list(cluster.jobs())
    if jobs:
        cluster.call("scancel", "--full", "--signal=KILL", *jobs)
        wait_until(lambda: not cluster.jobs(), 20)


def _end_what_is_left(cluster: Cluster) -> None:
    """End what outlived its daemon: jobs and their keepers know the cluster by the same file."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("SLURM_CONF") == cluster.environment["SLURM_CONF"]:
                process.kill()


def _free_ports(number: int) -> list[int]:
    with ExitStack() as sockets:
        opened = [sockets.enter_context(socket.socket()) for _ in range(number)]
        for port_socket in opened:
            port_socket.bind(("127.0.0.1", 0))
        return [port_socket.getsockname()[1] for port_socket in opened]
