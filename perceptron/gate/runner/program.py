"""The program of one process: it runs benchmarks of one tree and tells what they gave.

Started by its path with the interpreter of its arm, which need not have this package: the suite
that is measured may be this package, in another revision. So it needs the standard library and
asv_runner alone, and works from Python 3.9 on. A job is one JSON line on standard input, answers
are JSON lines on what was standard output; benchmarks print to standard error instead.
"""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
if __name__ == "__main__":
    # Modules of this folder have names that the standard library and the suite use too.
    sys.path[:] = [each for each in sys.path if os.path.abspath(each or ".") != _HERE]

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


def _sibling(name: str) -> ModuleType:
    path = os.path.join(_HERE, name + ".py")
    spec = importlib.util.spec_from_file_location("_perceptron_gate_" + name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


timing = _sibling("timing")
benchmark_reading = _sibling("benchmark")
import_clock = _sibling("import_clock")
provenance = _sibling("provenance")


class Answers:
    """Where the parent listens."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def tell(self, **answer: Any) -> None:
        """One line, at once."""
        self._stream.write(json.dumps(answer) + "\n")
        self._stream.flush()


def main() -> None:
    """Do one job and leave."""
    answers = Answers()
    job = json.loads(_first_line())
    if job.get("fork"):
        _in_a_thin_child()
    _leave_with_the_parent()
    os.chdir(job["folder"])
    provenance.put_first(job["roots"])
    # For what benchmarks start themselves: ``timeraw_`` and ``python -m project``.
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*job["roots"], *([inherited] if inherited else [])])
    try:
        from asv_runner import discovery
        from asv_runner._aux import update_sys_path
    except ImportError as error:
        answers.tell(kind="no runner", reason=_line(error))
        os._exit(_FAILED)
    benchmarks = os.path.join(job["tree"], job["benchmarks"])
    update_sys_path(benchmarks)
    try:
        if job["kind"] == "discover":
            _discover(discovery, benchmarks, job, answers)
        else:
            for task in job["tasks"]:
                answers.tell(kind="start", key=task["key"])
                answers.tell(**_run(discovery, benchmarks, job["kind"], task, answers))
    except BaseException as error:  # noqa: BLE001 whatever it is, the parent wants one line
        traceback.print_exc()
        answers.tell(kind="failed", reason=_line(error))
        os._exit(_FAILED)
    own, strangers = provenance.prove(
        job["tree"], job["others"], benchmarks, tuple(sys.modules.values()), job["project"]
    )
    answers.tell(kind="end", own=own, strangers=strangers)
    os._exit(0)


def _discover(discovery: Any, benchmarks: str, job: Job, answers: Answers) -> None:
    for found in discovery.disc_benchmarks(benchmarks):
        answers.tell(kind="benchmark", **_described(found, job["tree"]))
    answers.tell(kind="environment", **_environment())


def _described(found: Any, tree: str) -> Job:
    code = getattr(getattr(found.func, "__func__", found.func), "__code__", None)
    file = None if code is None else os.path.relpath(os.path.realpath(code.co_filename), tree)
    shown = [list(each) for each in found.params]
    return {
        "name": found.name,
        "pretty_name": getattr(found, "pretty_name", None),
        "type": found.type,
        "unit": found.unit,
        "param_names": list(found.param_names),
        "params": [list(each) for each in itertools.product(*shown)] if shown else [],
        "timeout": found.timeout,
        "cache": found.setup_cache_key,
        "cache_timeout": found.setup_cache_timeout,
        "file": None if file is None or file.startswith("..") else file,
        "line": None if code is None else code.co_firstlineno,
    }


def _environment() -> Job:
    """The interpreter, and the versions of the libraries that the suite has imported."""
    from importlib import metadata

    found = {"python": platform.python_implementation() + " " + platform.python_version()}
    for name in sorted({each.split(".")[0] for each in sys.modules if not each.startswith("_")}):
        if name in getattr(sys, "stdlib_module_names", ()):
            continue
        try:
            found[name] = metadata.version(name)
        except Exception:  # noqa: BLE001, S112 not everything says its version
            continue
    return {"facts": found}


def _run(discovery: Any, benchmarks: str, kind: str, task: Job, answers: Answers) -> Job:
    """One benchmark. Whatever goes wrong with it becomes its answer."""
    answer: Job = {"kind": "taken", "key": task["key"]}
    begin = time.perf_counter()
    importing = import_clock.ImportClock()
    try:
        benchmark = discovery.get_benchmark_from_name(benchmarks, task["id"])
        answers.tell(kind="loaded", key=task["key"])
        begin = time.perf_counter()  # what is imported, later benchmarks of the process have too
        if kind == "cache":
            with open(task["cache"], "wb") as file:
                pickle.dump(benchmark.do_setup_cache(), file)
            answer["status"] = "ok"
        else:
            # What is timed must not pay for the clock; importing is a matter of the first process.
            clock = contextlib.nullcontext() if task.get("calls") else importing
            with clock:
                answer.update(benchmark_reading.taken(benchmark, task, timing, importing))
    except (KeyboardInterrupt, SystemExit) as error:
        answer.update(status="failed", reason="it ended the process: " + _line(error))
    except Exception as error:  # noqa: BLE001 a stranger's mistake costs it this row only
        skipped = isinstance(error, NotImplementedError)
        traceback.print_exc()
        answer.update(status="skipped" if skipped else "failed", reason=_line(error))
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


def _in_a_thin_child() -> None:
    """Go on in a child; this process waits for it and ends as it does.

    On Linux a process's peak memory starts at the peak of the one that started it: without this,
    small benchmarks would all tell the memory of the gate itself. A fork of a process that has
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


def _leave_with_the_parent() -> None:
    """End this process and all it started when standard input closes, as when the gate is killed.

    Benchmarks read from nothing instead.
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


def _line(error: BaseException) -> str:
    return " ".join((type(error).__name__ + ": " + str(error)).split())[:300]


if __name__ == "__main__":
    main()
