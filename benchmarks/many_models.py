"""Many models at once: beside one by one, and beside a C loop over models.

``python -m benchmarks.many_models``; part of ``make targets``. All on one thread, both sides of a
ratio in fresh processes of the same round.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.results import ROOT
from benchmarks.target_lines import measured, report_line
from perceptron.backends import registry
from perceptron.problems import catalogue
from perceptron.problems.datasets import Array
from perceptron.problems.problem import DType, Problem
from perceptron.studies.shared.published import published_dtype

REFERENCE = "many-or-gates:1024"
SOURCE = ROOT / "benchmarks" / "plain" / "or_gates.c"
C = "C"
# backend, over what, at most: a hundred times as many model-iterations a second is a hundredth
SPEED = (
    ("numpy", "numpy-sequential", 1 / 100),
    ("torch-cpu", "torch-cpu-sequential", 1 / 50),
    ("numba", C, 1.5),
)
ROUNDS = 5
_SAMPLES = 5
_ITERATIONS = 500
# Beyond it a difference from NumPy is no rounding.
_RELATIVE = 1e-9


def lines() -> Iterator[str]:
    """Yield a line for each target: what was reached, and whether that is enough."""
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder))
        for name, base, most in SPEED:
            what = f"{name} / {base} on {REFERENCE}"
            reason = unavailable(name) or unavailable(base, program)
            if reason is not None:
                yield f"{what}: not measured: {reason}"
                continue
            dtype = published_dtype(name)
            pairs = [
                (seconds(name, dtype, program), seconds(base, dtype, program))
                for _ in range(ROUNDS)
            ]
            yield report_line(what, [one / other for one, other in pairs], most)


def unavailable(name: str, program: Path | None = None) -> str | None:
    """Return why there is no time of this, or None."""
    if name == C:
        return "gcc is not installed" if program is None else None
    return registry.reason_unavailable(name)


def seconds(name: str, dtype: DType, program: Path | None) -> float:
    """Return seconds of an iteration of one model, from a fresh process; C knows float64 only."""
    problem = catalogue.find(REFERENCE)
    if name != C:
        outcome = measured(name, REFERENCE, dtype)
        return (outcome.seconds or 0.0) / problem.models
    assert program is not None
    taken, trained = in_c(program, problem, _ITERATIONS, _SAMPLES)
    assert_as_numpy(problem, _ITERATIONS, trained)
    return taken


def compiled(folder: Path) -> Path | None:
    """Compile the C program; return None without gcc."""
    if shutil.which("gcc") is None:
        return None
    program = folder / "or_gates"
    command = ["gcc", "-O3", "-march=native", str(SOURCE), "-o", str(program), "-lm"]
    subprocess.run(command, check=True)
    return program


def in_c(
    program: Path, problem: Problem, iterations: int, samples: int
) -> tuple[float, list[Array]]:
    """Train OR gates in C, on one thread in float64.

    Returns seconds of an iteration of one model, and the parameters as `Trainer.parameters` does.
    """
    start = [array.reshape(problem.models, -1) for array in problem.stacked_start()]
    numbers = "\n".join(map(repr, np.concatenate(start, axis=1).ravel().tolist()))
    command = [str(program), str(problem.models), str(iterations), str(samples)]
    output = subprocess.check_output(command, input=numbers, text=True)
    taken, *values = map(float, output.split())
    trained = np.array(values).reshape(problem.models, 3)
    return taken, [trained[:, :2, None], trained[:, 2:]]


def assert_as_numpy(problem: Problem, iterations: int, trained: list[Array]) -> None:
    """Make sure that both sides of the comparison train the same, model by model."""
    trainer = registry.load("numpy").prepare(problem, "float64")
    trainer.train(iterations)
    for actual, expected in zip(trained, trainer.parameters(), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=_RELATIVE)


if __name__ == "__main__":
    for line in lines():
        print(line)
