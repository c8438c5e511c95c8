"""The program that every rank runs: it connects to its leader, and does what it is asked.

Started by `launcher` as ``python -m perceptron.backends.data_parallel.rank HOST PORT NODE DEVICE``,
with the variables that torchrun sets. It leaves at once when its leader closes the connections, as
it also does by dying, so that no rank is ever left behind.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
from multiprocessing.connection import Client, Connection
from typing import Literal

import psutil

from perceptron.backends.data_parallel.member import Member
from perceptron.backends.data_parallel.messages import KEY, Hello, Raised, Request, host_identity
from perceptron.backends.protocol import Unsupported


def main() -> None:
    """Serve requests until the leader closes the connection."""
    host, port, node, device = sys.argv[1:]
    key = bytes.fromhex(os.environ.pop(KEY))
    rank, local_rank = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])

    def connect(connection: Literal["requests", "lifeline"]) -> Connection:
        client = Client((host, int(port)), authkey=key)
        hello = Hello(connection, rank, int(node), local_rank, os.getpid(), host_identity())
        client.send(hello)
        return client

    lifeline = connect("lifeline")
    threading.Thread(target=_leave_with, args=(lifeline,), daemon=True).start()
    requests = connect("requests")
    _use_the_leaders_network(requests)
    member = Member(rank, int(os.environ["WORLD_SIZE"]), local_rank, device)
    # Python's collector stays out of what is timed: a member collects between trainers.
    gc.disable()
    while True:
        try:
            request: Request = requests.recv()
        except (EOFError, OSError):
            os._exit(0)
        requests.send(_answer(member, request))


def _answer(member: Member, request: Request) -> object:
    try:
        member.drop(request.dropped)
        return getattr(member, request.operation)(*request.arguments)
    except Unsupported as reason:
        return Raised("Unsupported", str(reason), is_unsupported=True)
    except Exception as error:  # noqa: BLE001 whatever it is, the leader says it of this rank
        return Raised(type(error).__name__, " ".join(str(error).split()))


def _leave_with(lifeline: Connection) -> None:
    """Wait for the end of the leader, and leave whatever is running."""
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)


def _use_the_leaders_network(connection: Connection) -> None:
    """Have gloo use the interface on which this rank reaches its leader.

    By itself it takes that of the host's name, which need not be known to any name service.
    """
    if "GLOO_SOCKET_IFNAME" in os.environ:
        return
    with socket.socket(fileno=os.dup(connection.fileno())) as mine:
        address = mine.getsockname()[0]
    for interface, addresses in psutil.net_if_addrs().items():
        if any(each.address == address for each in addresses):
            os.environ["GLOO_SOCKET_IFNAME"] = interface
            return


if __name__ == "__main__":
    main()
