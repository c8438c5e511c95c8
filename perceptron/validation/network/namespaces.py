"""Two hosts made of one: network namespaces joined by a link that is as slow as is asked for.

A pair of virtual Ethernet cards joins them, and a token bucket filter (tc-tbf(8)) on each end lets
so many bits a second pass, each direction by itself. It delays nothing: a link of this kind has the
latency of the loopback.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache

import psutil

from perceptron.errors import UserError

INTERFACE = "perceptron0"
"""The card of either host; in namespaces of their own both have one name."""
_PREFIX = "perceptron"
_ADDRESSES = ("10.213.57.1", "10.213.57.2")
# What a filter holds back waits, and nothing is dropped: TCP would take that for a slower link.
_LONGEST_WAIT = "2s"
# Of a filter's bucket. A smaller one than a packet of 64 KiB, as TCP hands them over, makes the
# system cut that up, which costs time; a larger one lets whole gradients pass at once.
_LARGEST_BURST = 128 * 1024
_SMALLEST_BURST = 32 * 1024
# Both ends together: of what is not shaped a bucket need not hold more than this time's worth.
_BURST_SECONDS = 1e-3
_SECONDS = 20.0


@dataclass(frozen=True)
class Link:
    """A link as fast as ``bits`` a second, the headers of packets among them; None: as it comes."""

    name: str
    bits: float | None

    @property
    def burst(self) -> int:
        """Bytes that pass at once after a silence."""
        if self.bits is None:
            return 0
        return round(max(_SMALLEST_BURST, min(_LARGEST_BURST, self.bits / 8 * _BURST_SECONDS)))


@dataclass(frozen=True)
class Host:
    """One end of the link."""

    namespace: str
    address: str

    def command(self, command: list[str]) -> list[str]:
        """Return what runs a command on this host."""
        return ["ip", "netns", "exec", self.namespace, *command]


def unavailable() -> str | None:
    """Return why no namespaces can be made here, in one line, or None if they can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    missing = next((name for name in ("ip", "tc") if shutil.which(name) is None), None)
    if missing is not None:
        return f"no command {missing!r}: install iproute2"
    if os.geteuid() != 0:
        return "network namespaces are made by root alone: run it as root"
    return _refused()


@lru_cache(maxsize=1)
def _refused() -> str | None:
    """Return what the system says where root may not make one either, as in most containers."""
    probe = Host(f"{_PREFIX}-{os.getpid()}-c", "")
    try:
        _run("ip", "netns", "add", probe.namespace)
    except UserError as error:
        _removed(probe)
        return str(error).removeprefix("--network: ")
    return None if _removed(probe) else f"{probe.namespace} cannot be removed"


@contextmanager
def two_hosts(link: Link) -> Iterator[tuple[Host, Host]]:
    """Make two hosts that are joined by the link, and remove them whatever happens.

    Raises `UserError` with the reason if they cannot be made.
    """
    reason = unavailable()
    if reason is not None:
        raise UserError(f"--network: {reason}")
    hosts = tuple(
        Host(f"{_PREFIX}-{os.getpid()}-{name}", address)
        for name, address in zip("ab", _ADDRESSES, strict=True)
    )
    first, second = hosts
    _remove_left_behind()
    try:
        for host in hosts:
            _run("ip", "netns", "add", host.namespace)
        end = ("netns", first.namespace, "type", "veth", "peer", "name", INTERFACE)
        _run("ip", "link", "add", INTERFACE, *end, "netns", second.namespace)
        for host in hosts:
            _open(host)
            if link.bits is not None:
                _shape(host, link.bits, link.burst)
        yield first, second
    finally:
        # With its namespace each end of the link is gone.
        left = [host.namespace for host in hosts if not _removed(host)]
        if left and sys.exc_info()[0] is None:
            raise UserError(f"--network: cannot be removed: try `ip netns del {left[0]}`")


def _open(host: Host) -> None:
    inside = ("ip", "-n", host.namespace)
    _run(*inside, "address", "add", f"{host.address}/24", "dev", INTERFACE)
    _run(*inside, "link", "set", "lo", "up")
    _run(*inside, "link", "set", INTERFACE, "up")


def _shape(host: Host, bits: float, burst: int) -> None:
    shaped = ("root", "tbf", "rate", f"{bits:.0f}bit", "burst", str(burst))
    inside = ("tc", "-n", host.namespace, "qdisc", "add", "dev", INTERFACE)
    _run(*inside, *shaped, "latency", _LONGEST_WAIT)


def _remove_left_behind() -> None:
    """Remove hosts whose process was killed before it could."""
    for line in _run("ip", "netns", "list").splitlines():
        found = re.match(rf"{_PREFIX}-(\d+)-[abc]\b", line)
        if found and not psutil.pid_exists(int(found[1])):
            _removed(Host(found[0], ""))


def _removed(host: Host) -> bool:
    """Remove the host and end what still runs on it; return whether it is gone."""
    try:
        for process in _run("ip", "netns", "pids", host.namespace).split():
            with suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        _run("ip", "netns", "delete", host.namespace)
    except UserError as error:
        return "No such file" in str(error)
    return True


def _run(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"--network: {' '.join(command)}: {error}") from None
    if done.returncode:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise UserError(f"--network: {' '.join(command)}: {reason}")
    return done.stdout
