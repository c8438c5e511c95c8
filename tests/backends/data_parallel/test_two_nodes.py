"""Training over two nodes, for real: two network namespaces, and a link of 100 Mbit/s between them.

Root alone makes namespaces, and few containers let it: elsewhere this is skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from perceptron.backends import registry

CARD, ADDRESSES = "perceptron0", ("10.213.57.1", "10.213.57.2")

if registry.reason_unavailable("torch-ddp"):
    pytest.skip(f"torch-ddp: {registry.reason_unavailable('torch-ddp')}", allow_module_level=True)


def call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)


@pytest.fixture
def nodes() -> Iterator[tuple[str, str]]:
    """Two namespaces with a card of one name each, both ends of a link; they are removed again."""
    first, second = names = (f"perceptron-{os.getpid()}-a", f"perceptron-{os.getpid()}-b")
    try:
        try:
            for name in names:
                call("ip", "netns", "add", name)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"NO NETWORK NAMESPACES: {getattr(error, 'stderr', '') or error}")
        end = ("netns", first, "type", "veth", "peer", "name", CARD, "netns", second)
        call("ip", "link", "add", CARD, *end)
        for name, address in zip(names, ADDRESSES, strict=True):
            inside = ("ip", "-n", name)
            call(*inside, "address", "add", f"{address}/24", "dev", CARD)
            call(*inside, "link", "set", "lo", "up")
            call(*inside, "link", "set", CARD, "up")
            shaped = ("root", "tbf", "rate", "100mbit", "burst", "32kb", "latency", "2s")
            call("tc", "-n", name, "qdisc", "add", "dev", CARD, *shaped)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


TRAINING = """
import time
from perceptron.backends import registry
from perceptron.problems import catalogue

def train(name):
    trainer = registry.load(name).prepare(catalogue.find("mlp:4x512x512"), "float32")
    trainer.train(1)
    start = time.perf_counter()
    trainer.train(2)
    return time.perf_counter() - start, trainer.loss()

(seconds, loss), (_, alone) = train("torch-ddp@2"), train("torch-cpu")
print(seconds / 2, loss, alone)
"""


@pytest.mark.slow
def test_two_nodes_train_over_the_link_between_them(nodes: tuple[str, str]) -> None:
    """1 MiB of gradients takes 84 ms at this rate: no two processes of one node are as slow."""
    first, second = nodes
    over_both = {
        "PERCEPTRON_NODES": f";ip netns exec {second}",
        "PERCEPTRON_NODE_ADDRESS": ADDRESSES[0],
    }
    process = subprocess.run(
        ["ip", "netns", "exec", first, sys.executable, "-c", TRAINING],
        env=os.environ | over_both,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    seconds, loss, alone = map(float, process.stdout.split())
    assert seconds > 0.08
    assert loss == pytest.approx(alone, rel=1e-4)
