"""What runs on the first of two hosts: jobs in, a line of standard output for each outcome.

Started as ``python -m perceptron.validation.network.measure``, with the hosts in its environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Sequence

import msgspec

from perceptron.backends import registry
from perceptron.backends.data_parallel.nodes import ADDRESS, NODES
from perceptron.errors import UserError
from perceptron.measure.job import Job, Outcome
from perceptron.measure.launch import Abandoned, Workers, package_path
from perceptron.supervision import ChildProcess, describe_exit, end_all
from perceptron.validation.network.namespaces import INTERFACE, Host

_MODULE = "perceptron.validation.network.measure"
_SECONDS_TO_LEAVE = 5.0
# gloo's variable: which card its connections take.
_CARD = "GLOO_SOCKET_IFNAME"
# Of a problem on a slow link: silence beyond is a hang.
_TIMEOUT_SECONDS = 180.0


def outcomes(first: Host, second: Host, jobs: Sequence[Job]) -> Generator[Outcome, None, None]:
    """Yield an outcome for every problem of each job, with one rank on each host.

    Jobs of one process run on the first. Raises `UserError` if the hosts do not answer.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": package_path(),
        NODES: ";" + " ".join(second.command([])),
        ADDRESS: first.address,
        _CARD: INTERFACE,
    }
    child = ChildProcess(first.command([sys.executable, "-m", _MODULE]), environment, True)
    try:
        for job in jobs:
            child.send(msgspec.json.encode(job))
            for _ in job.problems:
                yield _outcome(child, job)
    finally:
        end_all([child], _SECONDS_TO_LEAVE)


def _outcome(child: ChildProcess, job: Job) -> Outcome:
    try:
        line = child.read_line(_TIMEOUT_SECONDS)
    except TimeoutError as error:
        raise UserError(f"--network: {job.backend}: {error}") from None
    if line is None:
        ending = describe_exit(child.wait())
        raise UserError(
            f"--network: {job.backend}: the first host {ending}: {child.last_message()}"
        )
    return msgspec.json.decode(line, type=Outcome)


def main() -> None:
    """Serve jobs until standard input ends, each in a process of its own."""
    for line in sys.stdin.buffer:
        job = msgspec.json.decode(line, type=Job)
        with Workers() as workers:
            try:
                for outcome in workers.run("", job, registry.load(job.backend), _TIMEOUT_SECONDS):
                    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
                    sys.stdout.buffer.flush()
            except Abandoned as abandoned:
                raise SystemExit(str(abandoned)) from None


if __name__ == "__main__":
    main()
