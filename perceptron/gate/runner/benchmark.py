"""One benchmark in one process, by asv's rules. Part of the program: standard library only."""

from __future__ import annotations

import contextlib
import io
import math
import os
import pickle
import re
import sys
import time
from typing import Any

Job = dict[str, Any]


def run_benchmark(benchmark: Any, task: Job, measured: Any, importing: Any) -> Job:
    """Return the fields of a `Reading`, ``measured`` by a `Timed` or a `Counted`.

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
    begin = time.perf_counter()
    reason = _set_up(benchmark)
    if reason is not None:
        return {"status": "skipped", "reason": reason}
    setup_seconds = time.perf_counter() - begin - importing.seconds
    try:
        if task["type"] == "time":
            return {**measured(benchmark, task), "setup_seconds": setup_seconds}
        begin = time.perf_counter()
        value = benchmark.do_run()
        number = isinstance(value, (int, float)) and math.isfinite(value)
        if not number:
            return {"status": "skipped", "reason": "it returned " + repr(value)[:80]}
        passed = time.perf_counter() - begin
        return {"status": "ok", "value": value, "samples": [value], "call_seconds": passed}
    finally:
        benchmark.do_teardown()


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


class Timed:
    """Times a benchmark. Modules are handed over: nothing is imported by name here."""

    def __init__(self, timing: Any, waiting: Any) -> None:
        self._timing = timing
        self._waiting = waiting

    def __call__(self, benchmark: Any, task: Job) -> Job:
        timing, waiting = self._timing, self._waiting
        fields: Job = {}

        def run(*params: Any) -> None:
            batches = _batches(benchmark, params, timing)
            if not task.get("calls"):
                with waiting.waiting_meter() as meter:
                    (calls, seconds), idle = timing.idle_share(
                        lambda: timing.calibrate(batches), meter
                    )
                fields.update(calls=calls, call_seconds=seconds, idle=idle)
                return
            measured = timing.measure(
                batches,
                task["calls"],
                task["batches"],
                max(0.0, benchmark.warmup_time),
                spare=task["spare"],
                limit=waiting.LARGEST_WAITED_SHARE,
                meter=waiting.waiting_meter,
            )
            fields.update(calls=task["calls"], **measured._asdict())
            fields["value"] = timing.lower_quartile(measured.samples)

        _run_with_params(benchmark, run)
        return {"status": "ok", **fields}


class Counted:
    """Counts what a benchmark executes, unless that is foreseen to take too long."""

    def __init__(
        self, timing: Any, counting: Any, counter: Any, longest_seconds: float, seed: Any
    ) -> None:
        self._seed = seed
        self._timing = timing
        self._counting = counting
        self._counter = counter
        self._longest_seconds = longest_seconds

    def __call__(self, benchmark: Any, task: Job) -> Job:
        fields: Job = {}

        def run(*params: Any) -> None:
            if not hasattr(benchmark, "timer"):
                raise self._counting.CannotCount("it runs in a process of its own")
            batches = _batches(benchmark, params, self._timing)
            fields["instructions"] = self._counting.count_calls(
                batches, self._counter, self._longest_seconds, self._seed
            )

        _run_with_params(benchmark, run)
        return {"status": "ok", **fields}


def _run_with_params(benchmark: Any, run: Any) -> None:
    benchmark.run = run  # do_run knows the parameters, in every version of asv_runner
    benchmark.do_run()


def _batches(benchmark: Any, params: tuple[Any, ...], timing: Any) -> Any:
    if not hasattr(benchmark, "timer"):  # timeraw
        raw = benchmark._get_timer(*params)
        return timing.RawBatches(raw.timeit, benchmark.number)

    def reset() -> None:
        benchmark.do_teardown()
        if benchmark.do_setup():
            raise RuntimeError("setup worked once and then raised NotImplementedError")

    func = benchmark.func
    return timing.Batches(
        call=(lambda: func(*params)) if params else func,
        timer=lambda: benchmark.timer,
        reset=reset if benchmark._setups else None,
        number=benchmark.number,
    )
