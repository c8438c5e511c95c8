from __future__ import annotations

import os
import subprocess
import sys

import pytest

from perceptron.errors import UserError
from perceptron.validation.network import namespaces
from perceptron.validation.network.namespaces import INTERFACE, Host, Link, two_hosts, unavailable

needs_hosts = pytest.mark.skipif(
    unavailable() is not None, reason=f"NO NETWORK NAMESPACES: {unavailable()}"
)


def left() -> list[str]:
    """The hosts of this test process that are still there."""
    listed = namespaces._run("ip", "netns", "list").splitlines()
    return [line for line in listed if line.startswith(f"perceptron-{os.getpid()}-")]


def on(host: Host, *command: str) -> str:
    return subprocess.run(
        host.command(list(command)), capture_output=True, text=True, check=True
    ).stdout


@needs_hosts
def test_both_ends_of_a_link_are_shaped_and_nothing_is_left_behind() -> None:
    with two_hosts(Link("slow", 1e8)) as hosts:
        assert len(left()) == 2
        for host in hosts:
            assert f"dev {INTERFACE} root" in on(host, "tc", "qdisc", "show")
            assert "rate 100Mbit burst 32Kb" in on(host, "tc", "qdisc", "show")
            assert host.address in on(host, "ip", "address", "show", INTERFACE)
    assert left() == []


@needs_hosts
def test_an_unshaped_link_has_no_filter() -> None:
    with two_hosts(Link("free", None)) as (first, _):
        assert "tbf" not in on(first, "tc", "qdisc", "show")


@needs_hosts
def test_nothing_is_left_behind_after_a_failure_and_what_runs_there_is_ended() -> None:
    sleepers = []

    def fail() -> None:
        with two_hosts(Link("slow", 1e8)) as (first, _):
            sleepers.append(subprocess.Popen(first.command(["sleep", "600"])))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert sleepers[0].wait(10) != 0
    assert left() == []


@needs_hosts
def test_a_link_that_cannot_be_shaped_leaves_no_host_behind() -> None:
    with pytest.raises(UserError, match=r"^--network: tc .*"), two_hosts(Link("odd", -1.0)):
        pass
    assert left() == []


@needs_hosts
def test_hosts_of_a_process_that_was_killed_are_removed_by_the_next() -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    namespaces._run("ip", "netns", "add", f"perceptron-{dead}-a")
    with two_hosts(Link("free", None)):
        assert f"perceptron-{dead}-a" not in namespaces._run("ip", "netns", "list")


def test_without_root_it_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces.sys, "platform", "linux")
    monkeypatch.setattr(namespaces.shutil, "which", lambda name: f"/sbin/{name}")
    monkeypatch.setattr(namespaces.os, "geteuid", lambda: 1000, raising=False)
    with (
        pytest.raises(UserError, match=r"^--network: .* run it as root$"),
        two_hosts(Link("slow", 1e8)),
    ):
        pass


def test_where_root_may_not_either_it_says_what_the_system_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in most containers, where the tests of links are skipped."""

    def refuse(*command: str) -> str:
        raise UserError(f"--network: {' '.join(command[:3])}: Operation not permitted")

    monkeypatch.setattr(namespaces.sys, "platform", "linux")
    monkeypatch.setattr(namespaces.shutil, "which", lambda name: f"/sbin/{name}")
    monkeypatch.setattr(namespaces.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(namespaces, "_run", refuse)
    namespaces._refused.cache_clear()
    try:
        assert unavailable() == "ip netns add: Operation not permitted"
    finally:
        namespaces._refused.cache_clear()


@pytest.mark.parametrize(
    ("platform", "command", "reason"),
    [("darwin", None, "Linux's"), ("linux", "tc", "no command 'tc': install iproute2")],
)
def test_where_there_are_no_namespaces_it_says_why(
    monkeypatch: pytest.MonkeyPatch, platform: str, command: str | None, reason: str
) -> None:
    monkeypatch.setattr(namespaces.sys, "platform", platform)
    monkeypatch.setattr(namespaces.shutil, "which", lambda name: None if name == command else name)
    assert reason in str(unavailable())


@pytest.mark.parametrize(
    ("bits", "burst"), [(None, 0), (1e8, 32768), (1e9, 125000), (1e10, 131072)]
)
def test_a_bucket_of_tokens_holds_a_millisecond_within_what_tcp_hands_over(
    bits: float | None, burst: int
) -> None:
    assert Link("any", bits).burst == burst
