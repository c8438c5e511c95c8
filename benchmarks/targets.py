"""Speed targets of the suite, measured side by side: ``python -m benchmarks.targets``.

Most lines are a ratio of two times taken in the same round, the median over rounds of fresh
processes, beside its target. Nothing here is a test: a busy machine misses targets.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import large_results
from benchmarks.shared import ROOT, measured, report_line
from perceptron.backends import registry
from perceptron.backends.protocol import Trainer
from perceptron.measure.memory import keep_freed_memory
from perceptron.problems import catalogue, cost
from perceptron.problems.datasets import Array
from perceptron.problems.optimizer import Sgd
from perceptron.problems.problem import Problem

ROUNDS = 7
# backend, base, their ratio at most
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
# Steps on batches. All trainers of a problem take turns in one process, on one thread, and the
# fastest of many short trainings counts: so other processes slow all trainers or none.
BATCH_REPETITIONS = 150
BATCH_ITERATIONS = 100
SMALL_BATCHES = "mlp-batch:64"
# Adam's step over that of plain gradient descent, at most, on small batches.
ADAM_OVER_SGD = {"numpy": 2.5, "numpy-inplace": 2.1}
# numpy-inplace's step with Adam over that of numpy, at most.
INPLACE_OVER_NUMPY = 0.6

C = "C"
# Of a sample, divided among the models.
C_ITERATIONS = 200_000
C_SOURCE = ROOT / "benchmarks" / "plain" / "or_gates.c"
MANY = "many-or-gates:1024"
# backend, base, ratio at most: a hundred times as many model-iterations a second is a hundredth
MANY_SPEED = (
    ("numpy", "numpy-sequential", 1 / 100),
    ("torch-cpu", "torch-cpu-sequential", 1 / 50),
    ("numba", C, 1.5),
)
MANY_ROUNDS = 5
# A larger relative difference from NumPy is more than rounding.
_RELATIVE = 1e-9


def main() -> None:
    """Print every target, the value measured, and whether it is reached."""
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder))
        for lines in (
            beside("or-gate", SPEED, ROUNDS, program),
            beside(MANY, MANY_SPEED, MANY_ROUNDS, program),
            products(),
            batch_steps(),
            large_results.lines(),
        ):
            for line in lines:
                print(line, flush=True)


def beside(
    problem: str,
    pairs: Sequence[tuple[str, str, float]],
    rounds: int,
    program: Path | None,
) -> Iterator[str]:
    """Yield a line for each pair: backends or a C loop, on one thread, in fresh processes."""
    names = dict.fromkeys(name for pair in pairs for name in pair[:2])
    reasons = {name: unavailable(name, program) for name in names}
    rounds_seconds = [
        {name: seconds(name, problem, program) for name in names if reasons[name] is None}
        for _ in range(rounds)
    ]
    for name, base, most in pairs:
        what = f"{name} / {base} on {problem}"
        if reason := reasons[name] or reasons[base]:
            yield f"{what}: not measured: {reason}"
        else:
            yield report_line(what, [times[name] / times[base] for times in rounds_seconds], most)


def unavailable(name: str, program: Path | None) -> str | None:
    """Return why this backend or C loop cannot be timed here, or None."""
    if name == C:
        return "gcc is not installed" if program is None else None
    return registry.reason_unavailable(name)


def seconds(name: str, reference: str, program: Path | None) -> float:
    """Return the seconds of an iteration of one model; C trains in float64."""
    problem = catalogue.find(reference)
    if name != C:
        dtype = registry.published_dtype(name)
        return (measured(name, reference, dtype).seconds or 0.0) / problem.models
    assert program is not None
    iterations = C_ITERATIONS // problem.models
    seconds_each, trained = in_c(program, problem, iterations, samples=5)
    assert_as_numpy(problem, iterations, trained)
    return seconds_each


def compiled(folder: Path) -> Path | None:
    """Compile the C program; return None without gcc."""
    if shutil.which("gcc") is None:
        return None
    program = folder / "or_gates"
    command = ["gcc", "-O3", "-march=native", str(C_SOURCE), "-o", str(program), "-lm"]
    subprocess.run(command, check=True)
    return program


def in_c(
    program: Path, problem: Problem, iterations: int, samples: int
) -> tuple[float, list[Array]]:
    """Train OR gates in C, on one thread in float64.

    Return the seconds of an iteration of one model, and the parameters as in `Trainer.parameters`.
    """
    start = [array.reshape(problem.models, -1) for array in problem.stacked_start()]
    numbers = "\n".join(map(repr, np.concatenate(start, axis=1).ravel().tolist()))
    command = [str(program), str(problem.models), str(iterations), str(samples)]
    output = subprocess.check_output(command, input=numbers, text=True)
    seconds_each, *values = map(float, output.split())
    trained = np.array(values).reshape(problem.models, 3)
    return seconds_each, [trained[:, :2, None], trained[:, 2:]]


def assert_as_numpy(problem: Problem, iterations: int, trained: list[Array]) -> None:
    """Raise AssertionError unless the parameters equal NumPy's, model by model."""
    trainer = registry.load("numpy").prepare(problem, "float64")
    trainer.train(iterations)
    for actual, expected in zip(trained, trainer.parameters(), strict=True):
        np.testing.assert_allclose(actual.reshape(expected.shape), expected, rtol=_RELATIVE)


def products() -> list[str]:
    """Return lines with the share of the product rate that an MLP reaches, on one thread."""
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


def batch_steps() -> Iterator[str]:
    """Yield a line for each target of steps on batches."""
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
    """Return the seconds of a step by backend and optimizer, on one thread in float32."""
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
    """Return the seconds of an iteration in each trainer's fastest training, all in turn."""
    best = dict.fromkeys(trainers, float("inf"))
    for _ in range(BATCH_REPETITIONS):
        for key, trainer in trainers.items():
            begin = time.perf_counter()
            trainer.train(BATCH_ITERATIONS)
            best[key] = min(best[key], (time.perf_counter() - begin) / BATCH_ITERATIONS)
    return best


if __name__ == "__main__":
    main()
