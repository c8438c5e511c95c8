"""The worker process: a job for each line of standard input, its answers as lines of JSON.

Started by `fresh_python.command`. A race times the imports of this module and of its
backend together, so the module imports only what it needs to read a job.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import msgspec

from perceptron.measure.job import AnyJob, Call, Estimator, Module, Race, Running
from perceptron.records.measurement import Timings
from perceptron.records.race import RaceTimes


def main() -> None:
    """Run jobs until standard input ends."""
    # Only answers may reach the parent: the output of libraries goes to standard error.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def send(line: bytes) -> None:
        output.write(line + b"\n")
        output.flush()

    jobs: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    is_first = True
    # An empty line means that the process is still running its job.
    alive = partial(send, b"")
    while True:
        job = msgspec.json.decode(jobs.get(), type=AnyJob)
        is_race = isinstance(job, Race) and job.step == "measure"
        if is_first and not is_race:
            send(_running())
        for answer in _answer(job, is_first, alive):
            if is_first and is_race:  # not before: a race times the start of its process
                send(_running())
            send(msgspec.json.encode(answer))
            is_first = False


def _running() -> bytes:
    from perceptron.measure import revision

    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return msgspec.json.encode(Running(code=revision.measuring_code(), package=package))


def _answer(
    job: AnyJob, is_first: bool, alive: Callable[[], None]
) -> Iterator[Timings | RaceTimes]:
    """Yield the answers to a job; work after the last answer delays nobody."""
    if isinstance(job, Race) and job.step == "measure":
        from perceptron.measure.racing import raced

        yield raced(job, alive)
        return
    answers = _timed(job, is_first)
    if job.step == "start":  # other processes start at the same time and would disturb anchors
        yield from answers()
        return
    from perceptron.measure import anchors

    anchor_times = anchors.of_this_process()
    for answer in answers():
        has_time = answer.seconds is not None
        yield msgspec.structs.replace(answer, anchors=anchor_times) if has_time else answer


def _timed(job: AnyJob, is_first: bool) -> Callable[[], Iterable[Timings]]:
    """Import the module for a kind of job; return the function that runs the job."""
    if isinstance(job, Call):
        from perceptron.measure import calls

        return lambda: [calls.answer(job)]
    if isinstance(job, Module):
        from perceptron.measure import modules

        return lambda: [modules.answer(job, is_first)]
    if isinstance(job, Estimator):
        from perceptron.measure import estimators

        return lambda: [estimators.answer(job, is_first)]
    from perceptron.measure import training

    return partial(training.answer, job, is_first)


def _listen(jobs: queue.Queue[bytes]) -> None:
    """Queue lines of standard input; exit when it closes, as it also does when the parent dies.

    Exit at once, whatever is running: unloading libraries and their threads takes up to a second
    and serves nothing.
    """
    # Not through sys.stdin: a thread that waits inside it makes a failing interpreter abort.
    unfinished = b""
    while chunk := os.read(0, 65_536):
        *lines, unfinished = (unfinished + chunk).split(b"\n")
        for line in lines:
            jobs.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
