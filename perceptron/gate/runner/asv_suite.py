"""An asv suite: its benchmarks, and how a benchmark runs by asv's rules."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import itertools
import math
import os
import pickle
import pkgutil
import sys
import time
import traceback
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from typing import Any

from .session import Job, Refused, Session, one_line
from .timing import Batches


class AsvSuite:
    """The package of benchmarks in a folder of a tree. Raises ImportError without asv_runner."""

    def __init__(self, job: Job) -> None:
        with _without_metadata():
            from asv_runner import discovery
        from asv_runner._aux import update_sys_path

        self.folder = os.path.join(job["tree"], job["benchmarks"])
        self._tree = job["tree"]
        self._without = set(job.get("without", ()))
        self._discovery = discovery
        self._benchmarks_of_modules = discovery.disc_benchmarks
        discovery.disc_benchmarks = self._benchmarks
        update_sys_path(self.folder)
        self.before = frozenset(sys.modules)
        """Modules that the runner itself has imported."""

    def modules(self) -> list[Any]:
        """Return the modules imported since."""
        return list(sys.modules.values())

    def discover(self) -> Iterator[Job]:
        """Yield the answers that describe the benchmarks and the modules that do not load."""
        for answer, benchmarks in self._walk():
            if benchmarks is None:
                yield answer
            else:
                yield from (answer | _described(benchmark, self._tree) for benchmark in benchmarks)

    def run(self, session: Session, tasks: list[Job]) -> None:
        """Run the tasks.

        A benchmark draws the same numbers, whatever ran before it in this process and whatever
        imported its module.
        """
        for task in tasks:
            session.start(task)
            with session.measurement(task) as fields:
                session.seed()
                benchmark = self._discovery.get_benchmark_from_name(self.folder, task["id"])
                session.loaded(task)
                if session.hand_over(task):
                    continue
                session.seed()
                session.begin()  # loading imports what later benchmarks use too
                if session.kind == "cache":
                    with open(task["cache"], "wb") as file:
                        pickle.dump(benchmark.do_setup_cache(), file)
                    fields["status"] = "ok"
                    continue
                folder = os.getcwd()
                try:
                    fields.update(self._run(benchmark, task, session))
                finally:
                    os.chdir(folder)  # asv has a process for each benchmark

    def _walk(self, name: str = "") -> Iterator[tuple[Job, list[Any] | None]]:
        """Yield an answer before each module is imported, and for a module that fails.

        For other modules, yield an answer and their benchmarks. A failing module costs only itself:
        asv_runner stops at the first failing import or forgets its name.
        """
        name = name or os.path.basename(self.folder)
        if name in self._without:
            return
        path = os.path.join(self.folder, *name.split(".")[1:])
        file = os.path.join(path, "__init__.py") if os.path.isdir(path) else path + ".py"
        module = {"module": name, "file": os.path.relpath(file, self._tree)}
        yield {"kind": "start", "key": name, **module}, None
        answer: Job = {"kind": "benchmark", "module": name}
        inside: Any = ()
        loaded: list[Any] | None = None
        try:
            imported = importlib.import_module(name)
            inside = getattr(imported, "__path__", ())
            loaded = self._of_module(imported)
        except BaseException as error:  # noqa: BLE001 SystemExit and pytest's skip are among them
            traceback.print_exc()
            answer = {"kind": "unloadable", "reason": one_line(error), **module}
        yield answer, loaded
        for _, inner, _ in pkgutil.iter_modules(inside, name + "."):
            yield from self._walk(inner)

    def _of_module(self, module: Any) -> list[Any]:
        discovery = self._discovery
        before = discovery.disc_modules
        discovery.disc_modules = lambda *_, **__: iter((module,))
        try:
            return list(self._benchmarks_of_modules(self.folder))
        finally:
            discovery.disc_modules = before

    def _benchmarks(self, *_: Any, **__: Any) -> Iterator[Any]:
        """Yield the benchmarks among which asv_runner looks for one."""
        for _answer, benchmarks in self._walk():
            yield from benchmarks or ()

    def _run(self, benchmark: Any, task: Job, session: Session) -> Job:
        """Return the fields of the measurement."""
        if task.get("cache"):
            os.chdir(os.path.dirname(task["cache"]))
            with open(task["cache"], "rb") as file:
                cache = pickle.load(file)  # noqa: S301 this tree's own setup_cache wrote it
            if hasattr(benchmark, "set_cache"):
                benchmark.set_cache(cache)
            elif cache is not None:  # asv_runner before 0.3
                benchmark.insert_param(cache)
        if benchmark.type == "time" and not hasattr(benchmark, "timer"):
            raise Refused("timeraw_ is not measured: time the statement by time_", "untried")
        if inspect.iscoroutinefunction(benchmark.func):
            raise Refused("it is async: have it run its own event loop", "untried")
        begin = time.perf_counter()
        if benchmark.do_setup():
            return {"status": "skipped", "reason": "its setup raised NotImplementedError"}
        setup_seconds = time.perf_counter() - begin
        try:
            if task["type"] == "time":
                fields: Job = {"status": "ok", "setup_seconds": setup_seconds}

                def run(*params: Any) -> None:
                    batches = self._batches(benchmark, params)
                    fields.update(session.measured(batches, benchmark.warmup_time, task))

                benchmark.run = run  # do_run knows the parameters, in every version of asv_runner
                benchmark.do_run()
                return fields
            begin = time.perf_counter()
            value = benchmark.do_run()
            passed = time.perf_counter() - begin
            if not (isinstance(value, (int, float)) and math.isfinite(value)):
                return {"status": "skipped", "reason": "it returned " + repr(value)[:80]}
            return {"status": "ok", "value": value, "samples": [value], "call_seconds": passed}
        finally:
            benchmark.do_teardown()

    def _batches(self, benchmark: Any, params: tuple[Any, ...]) -> Batches:
        def reset() -> None:
            benchmark.do_teardown()
            if benchmark.do_setup():
                raise RuntimeError("setup worked once and then raised NotImplementedError")

        return Batches(
            partial(benchmark.func, *params) if params else benchmark.func,
            lambda: benchmark.timer,
            reset if benchmark._setups else None,
            benchmark.number,
        )


@contextlib.contextmanager
def _without_metadata() -> Iterator[None]:
    """Hide all distributions meanwhile.

    On import, asv_runner parses the metadata of every installed distribution to find plug-ins: a
    third of the start of each process.
    """
    before = metadata.distributions
    metadata.distributions = lambda **_: iter(())
    try:
        yield
    finally:
        metadata.distributions = before


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
