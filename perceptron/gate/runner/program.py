"""The program of an arm: one process that runs benchmarks of one tree and sends what they gave.

Started by its path with the interpreter of its arm, which need not have this package: the suite
that is measured may be this package, in another revision. So it needs the standard library and
asv_runner alone, loads its own modules by their path, and works from Python 3.9 up. A job is one
JSON line on standard input, answers are JSON lines on standard output; what benchmarks print goes
to standard error instead.
"""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
if __name__ == "__main__":
    # Modules of this folder have names that the standard library and the suite use too.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != _HERE]

import contextlib
import importlib.util
import itertools
import json
import pickle
import platform
import threading
import time
import traceback
from types import ModuleType
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
benchmark_runner = _load("benchmark")
counting = _load("counting")
import_clock = _load("import_clock")
plugins = _load("plugins")
provenance = _load("provenance")
seeding = _load("seeding")
waiting = _load("waiting", os.path.dirname(os.path.dirname(_HERE)))


class Answers:
    """Lines to the parent."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def send(self, **answer: Any) -> None:
        """Send one line, at once."""
        self._stream.write(json.dumps(answer) + "\n")
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
    seeds = None if job.get("draw") is None else seeding.Seeding(job["draw"])
    if seeds is not None:
        seeds.install()
    # For what benchmarks start themselves: ``timeraw_`` and ``python -m project``.
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*job["roots"], *([inherited] if inherited else [])])
    try:
        with plugins.looked_for_by_folder():
            from asv_runner import discovery
        from asv_runner._aux import update_sys_path
    except ImportError as error:
        answers.send(kind="no runner", reason=_one_line(error))
        os._exit(_FAILED)
    benchmarks = os.path.join(job["tree"], job["benchmarks"])
    update_sys_path(benchmarks)
    try:
        if job["kind"] == "discover":
            _discover(discovery, benchmarks, job, answers)
        else:
            measured = _measured_by(job, seeds)
            for task in job["tasks"]:
                answers.send(kind="start", key=task["key"])
                answers.send(
                    **_run(discovery, benchmarks, job["kind"], task, measured, seeds, answers)
                )
    except BaseException as error:  # noqa: BLE001 whatever it is, the parent expects one line
        traceback.print_exc()
        answers.send(kind="failed", reason=_one_line(error))
        os._exit(_FAILED)
    own, foreign = provenance.check_origin(
        job["tree"], job["others"], benchmarks, tuple(sys.modules.values()), job["project"]
    )
    del padding
    answers.send(kind="end", own=own, foreign=foreign)
    os._exit(0)


def _lay_out(job: Job) -> list[bytes]:
    """Keep to the core that the job names, and return small objects that are to stay alive.

    They shift what is made after them, as a change of the code would that has nothing to do with
    the benchmark.
    """
    if job.get("core") is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {job["core"]})
    return [bytes(37 * number % 480) for number in range(job.get("padding", 0))]


def _measured_by(job: Job, seeds: Any) -> Any:
    """Return what makes a reading of a benchmark; raises `counting.CannotCount`."""
    if job["kind"] != "count":
        return benchmark_runner.Timed(timing, waiting)
    counter = counting.Counter(job["dumps"])
    seed = (lambda: None) if seeds is None else seeds.seed_all
    return benchmark_runner.Counted(timing, counting, counter, job["longest_seconds"], seed)


def _discover(discovery: Any, benchmarks: str, job: Job, answers: Answers) -> None:
    for benchmark in discovery.disc_benchmarks(benchmarks):
        answers.send(kind="benchmark", **_described(benchmark, job["tree"]))
    answers.send(kind="environment", **_environment())


def _described(benchmark: Any, tree: str) -> Job:
    code = getattr(getattr(benchmark.func, "__func__", benchmark.func), "__code__", None)
    file = None if code is None else os.path.relpath(os.path.realpath(code.co_filename), tree)
    values = [list(shown) for shown in benchmark.params]
    return {
        "name": benchmark.name,
        "pretty_name": getattr(benchmark, "pretty_name", None),
        "type": benchmark.type,
        "unit": benchmark.unit,
        "param_names": list(benchmark.param_names),
        "params": [list(one_set) for one_set in itertools.product(*values)] if values else [],
        "timeout": benchmark.timeout,
        "cache": benchmark.setup_cache_key,
        "cache_timeout": benchmark.setup_cache_timeout,
        "file": None if file is None or file.startswith("..") else file,
        "line": None if code is None else code.co_firstlineno,
    }


def _environment() -> Job:
    """Return the versions of the interpreter and of the libraries that the suite has imported."""
    from importlib import metadata

    versions = {"python": platform.python_implementation() + " " + platform.python_version()}
    for name in sorted(
        {module.split(".")[0] for module in sys.modules if not module.startswith("_")}
    ):
        if name in getattr(sys, "stdlib_module_names", ()):
            continue
        try:
            versions[name] = metadata.version(name)
        except Exception:  # noqa: BLE001, S112 not every module belongs to a distribution
            continue
    return {"versions": versions}


def _run(
    discovery: Any,
    benchmarks: str,
    kind: str,
    task: Job,
    measured: Any,
    seeds: Any,
    answers: Answers,
) -> Job:
    """Run one benchmark. Whatever goes wrong with it becomes its answer.

    It draws the same, whatever ran before it in this process, and whoever imported its module.
    """
    answer: Job = {"kind": "reading", "key": task["key"]}
    begin = time.perf_counter()
    importing = import_clock.ImportClock()
    try:
        if seeds is not None:
            seeds.seed_all()
        benchmark = discovery.get_benchmark_from_name(benchmarks, task["id"])
        answers.send(kind="loaded", key=task["key"])
        if seeds is not None:
            seeds.seed_all()
        begin = time.perf_counter()  # loading imports what later benchmarks use too
        if kind == "cache":
            with open(task["cache"], "wb") as file:
                pickle.dump(benchmark.do_setup_cache(), file)
            answer["status"] = "ok"
        else:
            # What is timed must not pay for the clock; imports matter for calibrating only.
            clock = contextlib.nullcontext() if task.get("calls") else importing
            with clock:
                answer.update(benchmark_runner.run_benchmark(benchmark, task, measured, importing))
    except counting.CannotCount as error:
        answer.update(status="skipped", reason=str(error))
    except (KeyboardInterrupt, SystemExit) as error:
        answer.update(status="failed", reason="it ended the process: " + _one_line(error))
    except Exception as error:  # noqa: BLE001 a benchmark's mistake costs it this row only
        skipped = isinstance(error, NotImplementedError)
        traceback.print_exc()
        answer.update(status="skipped" if skipped else "failed", reason=_one_line(error))
    answer["wall_seconds"] = time.perf_counter() - begin - importing.seconds
    return answer


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


def _one_line(error: BaseException) -> str:
    if isinstance(error, counting.CannotCount):
        return str(error)
    return " ".join((type(error).__name__ + ": " + str(error)).split())[:300]


if __name__ == "__main__":
    main()
