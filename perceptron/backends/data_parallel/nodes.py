"""Where ranks run: on this machine, or shared out over nodes that are named or that Slurm gave."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from perceptron.errors import UserError

NODES = "PERCEPTRON_NODES"
"""Commands that run a program on a node each, put before it; ``;`` between them.

The first is this node's and mostly empty: ``;ip netns exec b`` are this node and a namespace.
"""
ADDRESS = "PERCEPTRON_NODE_ADDRESS"
"""The address at which this node is reached from the others."""

_LOOPBACK = "127.0.0.1"
_SLURM_NODES = "SLURM_JOB_NUM_NODES"


@dataclass(frozen=True)
class Layout:
    """So many processes on each node, which are started by these commands."""

    address: str
    """The address of this node for the others."""
    prefixes: tuple[tuple[str, ...], ...]
    """What to put before a program so that it runs on a node; () for this one."""
    processes_per_node: int


def layout(processes: int, variables: Mapping[str, str] | None = None) -> Layout:
    """Share the processes out evenly over the nodes, of which no more are used than processes.

    Raises `UserError` if that cannot be done.
    """
    given = os.environ if variables is None else variables
    prefixes = _prefixes(given)[:processes]
    each, rest = divmod(processes, len(prefixes))
    if rest:
        raise UserError(
            f"{processes} processes cannot be shared out evenly over {len(prefixes)} nodes: "
            f"give a multiple of {len(prefixes)} to --processes"
        )
    address = given.get(ADDRESS) or _address(prefixes)
    return Layout(address, prefixes, each)


def _prefixes(given: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    if NODES in given:
        try:
            return tuple(tuple(shlex.split(command)) for command in given[NODES].split(";"))
        except ValueError as error:
            raise UserError(f"{NODES}: {given[NODES]!r} cannot be read: {error}") from None
    if given.get(_SLURM_NODES, "1") in ("", "1"):
        return ((),)
    return ((), *(_by_slurm(host) for host in _other_hosts(given)))


def _by_slurm(host: str) -> tuple[str, ...]:
    # The job's own step holds what the job has: another one must overlap it.
    return ("srun", "--nodes=1", "--ntasks=1", f"--nodelist={host}", "--overlap")


def _other_hosts(given: Mapping[str, str]) -> list[str]:
    """Return the job's nodes but the first, on which its script runs."""
    command = ["scontrol", "show", "hostnames", given.get("SLURM_JOB_NODELIST", "")]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(
            f"Slurm's nodes cannot be listed: {' '.join(command)}: {error}; name them by {NODES}"
        ) from None
    return told.stdout.split()[1:]


def _address(prefixes: tuple[tuple[str, ...], ...]) -> str:
    """Return the address that Slurm's other nodes know this one by; else that of this machine."""
    hosts = [
        word.removeprefix("--nodelist=")
        for prefix in prefixes
        for word in prefix
        if word.startswith("--nodelist=") and prefix[0] == "srun"
    ]
    if not hosts:
        return _LOOPBACK
    try:
        return address_towards(hosts[0])
    except OSError as error:
        raise UserError(
            f"the address of this node for {hosts[0]} is not known ({error}): "
            f"set {ADDRESS} to one at which the others reach it"
        ) from None


def address_towards(host: str) -> str:
    """Return this machine's address on the way to a host; nothing is sent. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # any port: a datagram socket only looks up the route
        address: str = probe.getsockname()[0]
    return address
