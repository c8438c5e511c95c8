"""What one benchmark gives, by asv's rules. Runs inside an arm: standard library only."""

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


def taken(benchmark: Any, task: Job, timing: Any, importing: Any) -> Job:
    """The fields of a `Taken`. ``timing`` is the module: here nothing is imported by its name.

    ``importing.seconds`` goes on while something is imported, which is no part of a setup.
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
            return {**_timed(benchmark, task, timing), "setup_seconds": setup_seconds}
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
    """Why the benchmark is skipped, in its own words, which the runner only prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        skipped = benchmark.do_setup()
    sys.stderr.write(said.getvalue())
    if not skipped:
        return None
    found = re.search(r"asv: skipped: \w+\((['\"])(.+)\1,?\)", said.getvalue())
    return found[2] if found else "not for these parameters, or not here"


def _timed(benchmark: Any, task: Job, timing: Any) -> Job:
    found: Job = {}

    def run(*params: Any) -> None:
        batches = _batches(benchmark, params, timing)
        if not task.get("calls"):
            calls, seconds = timing.calibrate(batches)
            found.update(calls=calls, call_seconds=seconds)
            return
        warm_up = max(0.0, benchmark.warmup_time)
        samples = timing.measure(batches, task["calls"], task["batches"], warm_up)
        found.update(calls=task["calls"], samples=samples)
        found["value"] = timing.lower_quartile(samples)

    benchmark.run = run  # do_run knows the parameters, in every version of asv_runner
    benchmark.do_run()
    return {"status": "ok", **found}


def _batches(benchmark: Any, params: tuple[Any, ...], timing: Any) -> Any:
    if not hasattr(benchmark, "timer"):  # timeraw
        raw = benchmark._get_timer(*params)
        return timing.RawBatches(raw.timeit, benchmark.number)

    def again() -> None:
        benchmark.do_teardown()
        if benchmark.do_setup():
            raise RuntimeError("setup worked once and then raised NotImplementedError")

    func = benchmark.func
    return timing.Batches(
        call=(lambda: func(*params)) if params else func,
        timer=lambda: benchmark.timer,
        again=again if benchmark._setups else None,
        number=benchmark.number,
    )
