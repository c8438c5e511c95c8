"""The worker process: a job for each line of standard input, its answers as lines of JSON.

Started as ``python -m perceptron.measure.worker``. What it imports before a race's backend counts
for every backend: here stands only what is needed to be told what to do.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator

import msgspec

from perceptron.measure.job import Batch, Outcome, Race

ALIVE = b""
"""A line that says only that the process is still at its job."""


def main() -> None:
    """Serve jobs until standard input ends."""
    # Only answers may reach the parent: what libraries print goes to standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def send(line: bytes) -> None:
        answers.write(line + b"\n")
        answers.flush()

    jobs: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    is_first = True
    while True:
        job = msgspec.json.decode(jobs.get(), type=Race | Batch)
        if isinstance(job, Race):
            from perceptron.measure.racing import raced

            send(msgspec.json.encode(raced(job, lambda: send(ALIVE))))
            continue
        for outcome in _outcomes(job, is_first):
            send(msgspec.json.encode(outcome))
        is_first = False


def _outcomes(batch: Batch, is_first: bool) -> Iterator[Outcome]:
    if batch.functions is not None:
        from perceptron.measure import calls

        return calls.outcomes(batch)
    if batch.is_module:
        from perceptron.measure import modules

        return modules.outcomes(batch)
    from perceptron.measure.batch import outcomes

    return outcomes(batch, is_first)


def _listen(jobs: queue.Queue[bytes]) -> None:
    """Queue lines of standard input; exit when it closes, as it also does when the parent dies.

    Exit at once, whatever is running: unloading libraries and their threads takes up to a second
    and serves nothing.
    """
    # Not through sys.stdin: a thread that waits inside it makes a failing interpreter abort.
    unfinished = b""
    while read := os.read(0, 65_536):
        *lines, unfinished = (unfinished + read).split(b"\n")
        for line in lines:
            jobs.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
