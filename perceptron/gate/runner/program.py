"""The program of a side: a process that runs benchmarks of a tree and sends the results.

It is started by its path with the interpreter of its side, which need not have this package: the
suite may measure another revision of this package. So it needs only the standard library and
asv_runner or pytest, loads its own modules by their path, and runs from Python 3.9 up. A job is a
JSON line on standard input, and answers are JSON lines on standard output; output of benchmarks
goes to standard error instead.
"""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
if __name__ == "__main__":
    # Modules of this folder have names that the standard library and the suite use too.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != _HERE]

_AT_START = frozenset(sys.modules)

import importlib
import json
import threading
import time
import traceback
from types import ModuleType
from typing import Any

Job = dict[str, Any]
_FAILED = 3
# Number of watched calls: a second one may do more than the first.
_WATCHED_CALLS = 2
# This package under a name that no suite has: its modules import each other relatively.
_PACKAGE = ModuleType("_perceptron_gate")
_PACKAGE.__path__ = [os.path.dirname(os.path.dirname(_HERE))]
sys.modules[_PACKAGE.__name__] = _PACKAGE


def _load(name: str) -> ModuleType:
    return importlib.import_module(f"{_PACKAGE.__name__}.gate.runner.{name}")


timing = _load("timing")
asv_suite = _load("asv_suite")  # here, so that its imports do not come from the tree
counting = _load("counting")
distributions = _load("distributions")
provenance = _load("provenance")
seeding = _load("seeding")
session = _load("session")
tracing = _load("tracing")


def main() -> None:
    """Do a job and exit."""
    # The name of a file need not be UTF-8, and may be shown inexactly.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    os.dup2(2, 1)

    def send(**answer: Any) -> None:
        """Send a line to the parent, at once."""
        answers.write(json.dumps(answer, ensure_ascii=False) + "\n")
        answers.flush()

    job = json.loads(_first_line())
    if job.get("fork"):
        _continue_in_small_child()
    _exit_with_parent()
    watching = _load("watching") if "watched" in job else None
    os.chdir(job["folder"])
    padding = _lay_out(job)
    sys.path[:0] = job["roots"]
    folder = os.path.join(job["tree"], job["benchmarks"])
    sys.meta_path.insert(
        0,
        provenance.TreeFirst(job["tree"], job["roots"])
        if job["roots"]
        else provenance.InstalledFirst(job["tree"], folder),
    )
    borrowed = job.get("borrowed", [])
    sys.path.extend(borrowed)  # last, so that this interpreter's packages go first
    seed = _nothing
    if job.get("draw") is not None:
        seeds = seeding.Seeding(job["draw"])
        seeds.install()
        seed = seeds.seed_all
    # For processes that benchmarks start themselves, such as ``python -m project``.
    inherited = os.environ.get("PYTHONPATH")
    paths = [*job["roots"], *([inherited] if inherited else []), *borrowed]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    end = time.monotonic() + job.get("seconds", 0.0)
    modules: list[Any] = []
    if watching is not None:
        watching.watch(job["tree"], job["watched"], answers.fileno())
    try:
        if job["suite"] == "pytest":
            suite = _load("pytest_suite").PytestSuite(job, send)
        else:
            suite = asv_suite.AsvSuite(job)
    except ImportError as error:
        send(kind="no runner", reason=session.one_line(error))
        os._exit(_FAILED)
    try:
        if job["kind"] == "discover":
            for answer in suite.discover():
                send(**answer)
            send(kind="environment", **distributions.versions(job, suite.before, _AT_START))
        else:
            how = job["kind"], _measured_by(job, seed), seed, send
            if "seconds" in job and hasattr(os, "fork"):
                longest, out = job["limit_seconds"], answers.fileno()
                running = session.ForkingSession(end, longest, out, len(job["tasks"]), *how)
            else:
                running = session.Session(*how)
            suite.run(running, job["tasks"])
            modules += running.modules()
    except session.Refused as error:
        send(kind="failed", reason=str(error))
        os._exit(_FAILED)
    except BaseException as error:  # noqa: BLE001 whatever it is, the parent expects one line
        traceback.print_exc()
        send(kind="failed", reason=session.one_line(error))
        os._exit(_FAILED)
    modules += suite.modules()
    from_tree, foreign = provenance.check_origin(
        job["tree"], job["others"], suite.folder, modules, job["project"]
    )
    code = None
    if job.get("installed"):
        code = provenance.distribution_of(job["installed"], modules)
    del padding
    send(kind="end", from_tree=from_tree, foreign=foreign, code=code)
    os._exit(0)


def _nothing(purpose: str = "") -> None:
    """Seed nothing: for jobs without a seed."""


def _lay_out(job: Job) -> list[object]:
    """Keep to the core that the job names, and return small objects to be kept alive.

    They shift the addresses of later objects, as an unrelated change of the code would.
    """
    if job.get("core") is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {job["core"]})
    # No bytes object is as small as an integer, which has pools of its own.
    return [(2**40 + number, bytes(37 * number % 480)) for number in range(job.get("padding", 0))]


def _measured_by(job: Job, seed: Any) -> Any:
    """Return the function that fills in a benchmark's measurement; raises `session.Refused`."""
    kind = job["kind"]
    if kind == "count":
        counter, longest = counting.Counter(), job["longest_seconds"]
    elif kind == "profile":
        profiler = counting.Profiler(job["dumps"])

    def measured(batches: Any, warm_up: float, task: Job) -> Any:
        # The number of warm-up calls follows from instructions, unless time runs out.
        if kind == "count":
            return counting.count_calls(batches, counter, longest, seed)
        if kind == "profile":
            return counting.profile_calls(batches, profiler, task["calls"], seed)
        if kind == "watch":
            for _ in range(_WATCHED_CALLS):
                batches.run(1)
            return {"calls": _WATCHED_CALLS}
        if kind == "trace":
            return tracing.trace_calls(batches, [job["tree"], *job["roots"]], seed)
        return timing.timed(batches, warm_up, task)

    return measured


def _first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        read = os.read(0, 1)
        if not read:
            os._exit(_FAILED)
        line += read
    return line


def _continue_in_small_child() -> None:
    """Continue in a forked child; this process waits for it and ends as it does.

    On Linux a process's peak memory starts at the peak of its parent: without the fork, small
    benchmarks would all report the memory of the gate itself. A process that has imported nothing
    yet forks small.
    """
    if not hasattr(os, "fork"):
        return
    child = os.fork()
    if child:
        session.end_as(child)


def _exit_with_parent() -> None:
    """End this process and its children when standard input closes, as when the gate is killed.

    Benchmarks read from /dev/null instead.
    """
    parent = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        while os.read(parent, 1024):
            pass
        if hasattr(os, "killpg"):
            os.killpg(os.getpgrp(), 9)
        os._exit(_FAILED)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
