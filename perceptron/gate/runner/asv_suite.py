"""An asv suite: which benchmarks there are, and how one of them runs by asv's rules. Part of the
program: standard library and asv_runner only."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import os
import pickle
import re
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

Job = dict[str, Any]


class AsvSuite:
    """The package of benchmarks in a folder of a tree. Raises ImportError without asv_runner.

    ``modules`` are those of the program: nothing is imported by name here.
    """

    def __init__(self, job: Job, modules: Any) -> None:
        with modules.plugins.looked_for_by_folder():
            from asv_runner import discovery
        from asv_runner._aux import update_sys_path

        self.folder = os.path.join(job["tree"], job["benchmarks"])
        # What processes of benchmarks imported: a name and a file each.
        self._elsewhere: list[Any] = []
        self._tree = job["tree"]
        self._discovery = discovery
        self._timing = modules.timing
        self._awaiting = modules.awaiting.Awaiting(modules.timing)
        self._import_clock = modules.import_clock
        self._raw_timer = modules.raw_timer
        self._walk = modules.walk.Walk(
            discovery, self.folder, modules.session.one_line, job.get("without", ())
        )
        update_sys_path(self.folder)

    def modules(self) -> list[Any]:
        """Return what was imported, by processes of benchmarks too."""
        return [*sys.modules.values(), *self._elsewhere]

    def discover(self) -> Iterator[Job]:
        """Yield the answers that describe its benchmarks, and modules that do not load."""
        for found in self._walk.modules():
            module = {"module": found.name, "file": os.path.relpath(found.file, self._tree)}
            if found.begun:
                yield {"kind": "start", "key": found.name, **module}
            elif found.reason is not None:
                yield {"kind": "unloadable", "reason": found.reason, **module}
            for benchmark in found.benchmarks:
                yield {"kind": "benchmark", "module": found.name} | _described(
                    benchmark, self._tree
                )

    def run(self, session: Any, tasks: list[Job]) -> None:
        """Run each of the tasks.

        A benchmark draws the same, whatever ran before it in this process, and whoever imported its
        module.
        """
        for task in session.in_turn(tasks):
            session.start(task)
            with session.reading(task) as answer:
                session.seed()
                benchmark = self._discovery.get_benchmark_from_name(self.folder, task["id"])
                session.loaded(task)
                if session.hand_over(task):
                    continue
                session.seed()
                answer.begin()  # loading imports what later benchmarks use too
                if session.kind == "cache":
                    benchmark._setup_cache = self._awaiting.finished(benchmark._setup_cache)
                    with open(task["cache"], "wb") as file:
                        pickle.dump(benchmark.do_setup_cache(), file)
                    answer.fields["status"] = "ok"
                    continue
                importing = self._import_clock.ImportClock()
                # What is timed must not pay for the clock; imports matter for calibrating only.
                with contextlib.nullcontext() if task.get("calls") else importing:
                    try:
                        answer.fields.update(
                            self._run(benchmark, task, session.measured, importing)
                        )
                    finally:
                        answer.imported = importing.seconds

    def _run(self, benchmark: Any, task: Job, measured: Any, importing: Any) -> Job:
        """Return the fields of a `Reading`.

        ``importing.seconds`` counts while something is imported, which is no part of a setup.
        """
        if task.get("cache"):
            os.chdir(os.path.dirname(task["cache"]))
            with open(task["cache"], "rb") as file:
                cache = pickle.load(file)  # noqa: S301 this tree's own setup_cache wrote it
            if hasattr(benchmark, "set_cache"):
                benchmark.set_cache(cache)
            elif cache is not None:  # asv_runner before 0.3
                benchmark.insert_param(cache)
        self._await(benchmark)
        begin = time.perf_counter()
        reason = _set_up(benchmark)
        if reason is not None:
            return {"status": "skipped", "reason": reason}
        setup_seconds = time.perf_counter() - begin - importing.seconds
        try:
            if task["type"] == "time":
                fields = self._measure(benchmark, task, measured)
                return {"status": "ok", **fields, "setup_seconds": setup_seconds}
            begin = time.perf_counter()
            value = benchmark.do_run()
            number = isinstance(value, (int, float)) and math.isfinite(value)
            if not number:
                return {"status": "skipped", "reason": "it returned " + repr(value)[:80]}
            passed = time.perf_counter() - begin
            return {"status": "ok", "value": value, "samples": [value], "call_seconds": passed}
        finally:
            benchmark.do_teardown()

    def _await(self, benchmark: Any) -> None:
        """Have what is async awaited, but for a time: many calls of that are awaited at once."""
        finished = self._awaiting.finished
        benchmark._setups = list(map(finished, benchmark._setups))
        benchmark._teardowns = list(map(finished, benchmark._teardowns))
        if not hasattr(benchmark, "timer"):
            benchmark.func = finished(benchmark.func)

    def _measure(self, benchmark: Any, task: Job, measured: Any) -> Job:
        fields: Job = {}

        def run(*params: Any) -> None:
            batches = self._batches(benchmark, params)
            fields.update(measured(batches, benchmark.warmup_time, task))

        benchmark.run = run  # do_run knows the parameters, in every version of asv_runner
        benchmark.do_run()
        return fields

    def _batches(self, benchmark: Any, params: tuple[Any, ...]) -> Any:
        if not hasattr(benchmark, "timer"):  # timeraw
            return self._raw_batches(benchmark, params)

        def reset() -> None:
            benchmark.do_teardown()
            if benchmark.do_setup():
                raise RuntimeError("setup worked once and then raised NotImplementedError")

        func = benchmark.func
        return self._awaiting.batches(
            func,
            call=partial(func, *params) if params else func,
            timer=lambda: benchmark.timer,
            reset=reset if benchmark._setups else None,
            number=benchmark.number,
        )

    def _raw_batches(self, benchmark: Any, params: tuple[Any, ...]) -> Any:
        timer = self._raw_timer.RawTimer(
            lambda: benchmark.func(*params), getattr(benchmark, "_timeraw_env", None)
        )

        def timeit(number: int) -> float:
            seconds: float = timer.timeit(number)
            self._elsewhere = timer.modules
            return seconds

        return self._timing.RawBatches(timeit, benchmark.number)


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


def _set_up(benchmark: Any) -> str | None:
    """Set up; return why the benchmark skips, in its own words, which asv_runner only prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        skipped = benchmark.do_setup()
    sys.stderr.write(output.getvalue())
    if not skipped:
        return None
    match = re.search(r"asv: skipped: \w+\((['\"])(.+)\1,?\)", output.getvalue())
    return match[2] if match else "not for these parameters, or not here"
