"""The speeds this suite sets itself, measured side by side: ``python -m benchmarks.targets``.

Most lines are a ratio of two times taken in the same round, the median over rounds of fresh
processes, beside its target. Nothing here is a test: a busy machine misses targets.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks import by_hand, large_results, many_models
from benchmarks.target_lines import measured, report_line
from perceptron.backends import registry
from perceptron.backends.protocol import Trainer
from perceptron.measure import timing  # asv takes any name here that begins with time_
from perceptron.measure.extras import spin
from perceptron.measure.memory import keep_freed_memory
from perceptron.problems import catalogue, cost
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Problem
from perceptron.studies.shared.published import published_dtype
from perceptron.waiting import waiting_meter

ROUNDS = 7
# backend, over what, at most
SPEED = (
    ("numba", "C", 1.2),
    ("numpy", "numpy-published", 0.7),
    ("numpy-inplace", "numpy-published", 0.4),
    ("torch-cpu-manual", "torch-cpu", 0.25),
    ("torch-cpu-compiled", "torch-cpu", 0.05),
    ("jax-cpu", "C", 2.0),
)
LARGE = "mlp:1024x1024x1024"
SMALLEST_SHARE = 0.7
# Of a sample of so many seconds, at most. Where all samples wait, shorter ones follow.
METER_SHARES = {0.01: 0.001, 0.002: 0.005}

# What a step on a batch takes. All trainers of a problem take turns in one process, on one thread,
# and of each the fastest of many short trainings counts: so a neighbour of the process slows them
# alike or is left out.
BATCH_REPETITIONS = 150
BATCH_ITERATIONS = 100
SMALL_BATCHES = "mlp-batch:64"
# Adam's step over that of plain gradient descent, at most, on small batches.
ADAM_OVER_SGD = {"numpy": 2.5, "numpy-inplace": 2.1}
# Of numpy's step with Adam, numpy-inplace takes at most.
INPLACE_OVER_NUMPY = 0.6

# Gradient descent on the OR gate as the walk-through defines it, in float64.
C_LOOP = r"""
#include <math.h>
#include <stdio.h>
#include <time.h>

static const double inputs[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
static const double targets[4] = {0, 1, 1, 1};

int main(void) {
  const long iterations = 2000000;
  double w0 = 0.417022004702574, w1 = 0.7203244934421581, b = 0.00011437481734488664;
  double best = 1e9;
  for (int sample = 0; sample < 5; sample++) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long i = 0; i < iterations; i++) {
      double g0 = 0, g1 = 0, gb = 0;
      for (int row = 0; row < 4; row++) {
        double y = w0 * inputs[row][0] + w1 * inputs[row][1] + b;
        double a = 1 / (1 + exp(-y));
        double d = (double)((a > targets[row]) - (a < targets[row])) * a * (1 - a);
        g0 += d * inputs[row][0];
        g1 += d * inputs[row][1];
        gb += d;
      }
      w0 -= 0.05 * g0;
      w1 -= 0.05 * g1;
      b -= 0.05 * gb;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (end.tv_sec - begin.tv_sec) + 1e-9 * (end.tv_nsec - begin.tv_nsec);
    if (seconds / iterations < best) best = seconds / iterations;
  }
  printf("%.17g %.17g\n", best, w0 + w1 + b);
  return 0;
}
"""


def main() -> None:
    """Print every target, what was reached, and whether that is enough."""
    for line in (*speeds(), *loops(), *products(), *readings(), *meter_cost(), *batch_steps()):
        print(line)
    others = (large_results, many_models)
    for line in chain.from_iterable(part.lines() for part in others):
        print(line)


def speeds() -> list[str]:
    """Measure the ladder on the OR gate, beside a C loop where there is a compiler."""
    names = list(dict.fromkeys(name for pair in SPEED for name in pair[:2] if name != "C"))
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder))
        for _ in range(ROUNDS):
            seconds_by_name = {
                name: measured(name, "or-gate", published_dtype(name)).seconds or 0.0
                for name in names
            }
            if program is not None:
                seconds_by_name["C"] = float(subprocess.check_output([program]).split()[0])
            rounds.append(seconds_by_name)
    return [
        report_line(f"{name} / {base} on the OR gate", [r[name] / r[base] for r in rounds], most)
        for name, base, most in SPEED
        if base in rounds[0]
    ]


def loops() -> list[str]:
    """Measure eager PyTorch beside a loop written by hand."""
    return [
        report_line(
            f"torch-cpu / by hand on {problem}", by_hand.ratios(problem, ROUNDS), by_hand.MOST
        )
        for problem in by_hand.PROBLEMS
    ]


def compiled(folder: Path) -> Path | None:
    """Compile the C loop; return None without gcc."""
    if shutil.which("gcc") is None:
        return None
    source, program = folder / "loop.c", folder / "loop"
    source.write_text(C_LOOP, encoding="utf-8")
    command = ["gcc", "-O3", "-march=native", str(source), "-o", str(program), "-lm"]
    subprocess.run(command, check=True)
    return program


def products() -> list[str]:
    """Measure what share of the machine's product rate an MLP's products reach, on one thread."""
    work = cost.products(catalogue.find(LARGE))
    lines = []
    for name in ("numpy", "torch-cpu"):
        shares = []
        for _ in range(3):
            ceiling = next(
                part.work / part.seconds
                for part in measured("numpy", LARGE, "float32", 1, "ceiling").parts
                if part.name == "product"
            )
            seconds = measured(name, LARGE, "float32", 1).seconds or 1.0
            shares.append(work / seconds / ceiling)
        share = statistics.median(shares)
        verdict = "reached" if share >= SMALLEST_SHARE else "MISSED"
        lines.append(
            f"{name} on {LARGE}, one thread: {100 * share:.0f}% of the product rate "
            f"(at least {100 * SMALLEST_SHARE:.0f}%): {verdict}"
        )
    return lines


def readings() -> list[str]:
    """Trainings of known length, read back."""
    return [
        report_line(
            f"spinning {1e6 * seconds:g} µs, read back",
            [abs(read(seconds) / seconds - 1) for _ in range(3)],
            0.01,
        )
        for seconds in (50e-6, 500e-6, 5e-3, 50e-3)
    ]


def meter_cost() -> list[str]:
    """Measure what reading how long threads waited takes of a sample, usual or shortened."""
    lines = []
    for threads, words in ((1, "one thread"), (2, "two threads")):
        seconds = meter_seconds(threads)
        lines += [
            report_line(
                f"reading how long {words} waited, before and after {1e3 * sample:g} ms",
                [once / sample for once in seconds],
                most,
            )
            for sample, most in METER_SHARES.items()
        ]
    return lines


def meter_seconds(threads: int, calls: int = 10_000) -> list[float]:
    """Return what two readings take of a meter that reads this one and ``threads`` − 1 others."""
    seconds = []
    together = threading.Barrier(threads)
    with ThreadPoolExecutor(threads) as pool:

        def run() -> None:
            together.wait()
            time.sleep(0.001)  # the system counts what a thread ran when it leaves its core

        def run_all() -> None:
            others = [pool.submit(run) for _ in range(threads - 1)]
            run()
            for other in others:
                other.result()

        run_all()  # they start
        with waiting_meter() as meter:
            run_all()
            meter.leave_out_idle()  # those of libraries
            for _ in range(ROUNDS):
                begin = time.perf_counter()
                for _ in range(2 * calls):
                    meter()
                seconds.append((time.perf_counter() - begin) / calls)
    return seconds


def read(seconds: float) -> float:
    """Seconds per iteration that the timed loop reads of a training that spins."""
    return timing.time_training(
        _Spinning(seconds), timing.Effort(samples=5, minimum_seconds=0.02)
    ).seconds


class _Spinning:
    def __init__(self, seconds: float) -> None:
        self.train = spin(seconds)

    def reset(self) -> None: ...

    def loss(self) -> float:
        return 0.0

    def parameters(self) -> list[object]:
        return []


def batch_steps() -> Iterator[str]:
    """Yield a line for each target: what was reached, and whether that is enough."""
    for reference in (SMALL_BATCHES, "digits"):
        problem = catalogue.find(reference)
        seconds = step_seconds(problem)
        if reference == SMALL_BATCHES:
            for name, most in ADAM_OVER_SGD.items():
                ratio = seconds[name, "adam"] / seconds[name, "sgd"]
                yield report_line(f"{name}: Adam / sgd on {reference}", [ratio], most)
        ratio = seconds["numpy-inplace", "adam"] / seconds["numpy", "adam"]
        yield report_line(f"numpy-inplace / numpy on {reference}", [ratio], INPLACE_OVER_NUMPY)


def step_seconds(problem: Problem) -> dict[tuple[str, str], float]:
    """Return seconds of a step by backend and optimizer, on one thread in float32."""
    plain = replace(problem, optimizer=Sgd(rate=0.1))
    keep_freed_memory()
    with threadpool_limits(1):
        return fastest(
            {
                (name, kind): registry.load(name).prepare(version, "float32")
                for name in ADAM_OVER_SGD
                for kind, version in (("adam", problem), ("sgd", plain))
            }
        )


def fastest(trainers: Mapping[tuple[str, str], Trainer]) -> dict[tuple[str, str], float]:
    """Return seconds of an iteration of each: its fastest training, all in turn."""
    best = dict.fromkeys(trainers, float("inf"))
    for _ in range(BATCH_REPETITIONS):
        for key, trainer in trainers.items():
            begin = time.perf_counter()
            trainer.train(BATCH_ITERATIONS)
            best[key] = min(best[key], (time.perf_counter() - begin) / BATCH_ITERATIONS)
    return best


if __name__ == "__main__":
    begin = time.monotonic()
    main()
    print(f"{time.monotonic() - begin:.0f} s")
