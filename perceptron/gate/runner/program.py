"""The program of an arm: one process that runs benchmarks of one tree and sends what they gave.

Started by its path with the interpreter of its arm, which need not have this package: the suite
that is measured may be this package, in another revision. So it needs the standard library and
asv_runner or pytest alone, loads its own modules by their path, and works from Python 3.9 up. A job
is one JSON line on standard input, answers are JSON lines on standard output; what benchmarks print
goes to standard error instead.
"""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
if __name__ == "__main__":
    # Modules of this folder have names that the standard library and the suite use too.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != _HERE]

import importlib.util
import json
import platform
import threading
import traceback
from types import ModuleType, SimpleNamespace
from typing import Any

Job = dict[str, Any]
_FAILED = 3


def _load(name: str, folder: str = _HERE) -> ModuleType:
    path = os.path.join(folder, name + ".py")
    spec = importlib.util.spec_from_file_location("_perceptron_gate_" + name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


timing = _load("timing")
asv_suite = _load("asv_suite")
awaiting = _load("awaiting")
counting = _load("counting")
forks = _load("forks")
import_clock = _load("import_clock")
installed = _load("installed")
plugins = _load("plugins")
profiling = _load("profiling")
provenance = _load("provenance")
raw_timer = _load("raw_timer")
readings = _load("readings")
seeding = _load("seeding")
session = _load("session")
tracing = _load("tracing")
waiting = _load("waiting", os.path.dirname(os.path.dirname(_HERE)))
walk = _load("walk")


class Answers:
    """Lines to the parent."""

    def __init__(self) -> None:
        # A name of a file need not be UTF-8; what is shown of it need not be exact.
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
        os.dup2(2, 1)

    def fileno(self) -> int:
        """Return where the lines go."""
        return self._stream.fileno()

    def send(self, **answer: Any) -> None:
        """Send one line, at once."""
        self._stream.write(json.dumps(answer, ensure_ascii=False) + "\n")
        self._stream.flush()


def main() -> None:
    """Do one job and exit."""
    answers = Answers()
    job = json.loads(_first_line())
    if job.get("fork"):
        _continue_in_small_child()
    _exit_with_parent()
    os.chdir(job["folder"])
    padding = _lay_out(job)
    provenance.put_first(job["roots"])
    sys.path.extend(job.get("lent", ()))  # last, so that what this interpreter has goes first
    seeds = None if job.get("draw") is None else seeding.Seeding(job["draw"])
    if seeds is not None:
        seeds.install()
    # For what benchmarks start themselves: ``timeraw_`` and ``python -m project``.
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*job["roots"], *([inherited] if inherited else [])])
    children = None
    if "seconds" in job and hasattr(os, "fork"):
        limits = job["seconds"], job["limit_seconds"]
        children = forks.Forks(*limits, answers.send, answers.fileno())
    try:
        suite = _suite(job, answers)
    except ImportError as error:
        answers.send(kind="no runner", reason=session.one_line(error))
        os._exit(_FAILED)
    seed = _nothing if seeds is None else seeds.seed_all
    try:
        if job["kind"] == "discover":
            for answer in suite.discover():
                answers.send(**answer)
            answers.send(kind="environment", versions=_versions(job["tree"]))
        else:
            refusals = (counting.CannotCount,)
            measured = _measured_by(job, seed)
            suite.run(
                session.Session(job["kind"], measured, seed, answers.send, refusals, children),
                job["tasks"],
            )
    except counting.CannotCount as error:
        answers.send(kind="failed", reason=str(error))
        os._exit(_FAILED)
    except BaseException as error:  # noqa: BLE001 whatever it is, the parent expects one line
        traceback.print_exc()
        answers.send(kind="failed", reason=session.one_line(error))
        os._exit(_FAILED)
    modules = [*suite.modules(), *(children.modules() if children is not None else [])]
    own, foreign = provenance.check_origin(
        job["tree"], job["others"], suite.folder, modules, job["project"]
    )
    code = None
    if job.get("installed"):
        code = installed.project(job["installed"], modules)
    del padding
    answers.send(kind="end", own=own, foreign=foreign, code=code)
    os._exit(0)


def _suite(job: Job, answers: Answers) -> Any:
    """Return the suite; raises ImportError without what runs it."""
    if job["suite"] != "pytest":
        return asv_suite.AsvSuite(job, sys.modules[__name__])
    names = ("suite", "collection", "readings", "fixture")
    loaded = {f"pytest_{name}": _load(f"pytest_{name}") for name in names}  # they import pytest
    modules = SimpleNamespace(
        **loaded, awaiting=awaiting, import_clock=import_clock, session=session, timing=timing
    )
    return modules.pytest_suite.PytestSuite(job, modules, answers.send)


def _nothing(purpose: str = "") -> None:
    """Be a seed where nothing is seeded."""


def _lay_out(job: Job) -> list[object]:
    """Keep to the core that the job names, and return small objects that are to stay alive.

    They shift what is made after them, as a change of the code would that has nothing to do with
    the benchmark.
    """
    if job.get("core") is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {job["core"]})
    # No bytes are as small as an integer, which has pools of its own.
    return [(2**40 + number, bytes(37 * number % 480)) for number in range(job.get("padding", 0))]


def _measured_by(job: Job, seed: Any) -> Any:
    """Return what makes a reading of a benchmark; raises `counting.CannotCount`."""
    if job["kind"] == "trace":
        return tracing.Traced([job["tree"], *job["roots"]], seed, counting.CannotCount)
    if job["kind"] not in {"count", "profile"}:
        return readings.Timed(timing, waiting)
    if job["kind"] == "count":
        return readings.Counted(counting, counting.Counter(), job["longest_seconds"], seed)
    profiler = counting.Profiler(job["dumps"])
    return profiling.Profiled(counting, profiler, job["longest_seconds"], seed)


def _versions(tree: str) -> Job:
    """Return the versions of the interpreter and of the libraries that the suite has imported.

    What comes from the tree has the version of its commit, whatever is installed here.
    """
    from importlib import metadata

    versions = {"python": platform.python_implementation() + " " + platform.python_version()}
    own = provenance.packages_of(tree, tuple(sys.modules.values()))
    for name in sorted(
        {module.split(".")[0] for module in sys.modules if not module.startswith("_")}
    ):
        if name in own or name in getattr(sys, "stdlib_module_names", ()):
            continue
        try:
            versions[name] = metadata.version(name)
        except Exception:  # noqa: BLE001, S112 not every module belongs to a distribution
            continue
    return versions


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

    On Linux a process's peak memory starts at the peak of the one that started it: without this,
    small benchmarks would all report the memory of the gate itself. A fork of a process that has
    imported nothing yet starts small.
    """
    if not hasattr(os, "fork"):
        return
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            os.kill(os.getpid(), os.WTERMSIG(status))
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else _FAILED)


def _exit_with_parent() -> None:
    """End this process and all it started when standard input closes, as when the gate is killed.

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
