"""Mutation testing: break the code that decides, and count the mutants that the tests notice.

``make mutants`` draws the same mutants of the same sources each time, so that two states of the
tests can be compared.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.shared import ROOT

SEED = 20261128
SECONDS = 300.0
# Mutants of the annotation `int | None` never run, and bit operations on floats fail in any call.
TOO_EASY = ("Bit", "Shift")
# Sources that decide something, and the tests that must notice their mutants.
AREAS: dict[str, tuple[str, ...]] = {
    "perceptron/questions/crossover/**/*.py": ("tests/questions/crossover", "tests/goldens"),
    "perceptron/gate/verdict/**/*.py": ("tests/gate/verdict", "tests/goldens/test_compare.py"),
    "perceptron/measure/timing.py": ("tests/measure",),
    "perceptron/processes/timed_loop.py": ("tests/processes", "tests/measure", "tests/gate/runner"),
    "perceptron/records/store.py": ("tests/records", "tests/goldens"),
    "perceptron/backends/contract/**/*.py": ("tests/backends/contract",),
}


class Mutant(NamedTuple):
    """A change of a file: the operator is applied to its position number ``occurrence``."""

    file: str
    operator: str
    occurrence: int
    line: int


def mutants(pattern: str, how_many: int) -> list[Mutant]:
    """Return up to ``how_many`` mutants of the files that match, the same ones each time."""
    # asv imports this module, where nothing is installed but what benchmarks need.
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    drawable = []
    for path in sorted(ROOT.glob(pattern)):
        tree = get_ast(path.read_text(encoding="utf-8"))
        for name in sorted(operator_names()):
            operator = get_operator(name)
            if any(word in name for word in TOO_EASY) or operator.arguments():
                continue
            starts = (
                start
                for node in ast_nodes(tree)
                for start, _ in operator().mutation_positions(node)
            )
            file = str(path.relative_to(ROOT))
            drawable += [
                Mutant(file, name, occurrence, line) for occurrence, (line, _) in enumerate(starts)
            ]
    return sorted(random.Random(SEED).sample(drawable, min(how_many, len(drawable))))


def is_caught(mutant: Mutant, copy: Path, tests: tuple[str, ...]) -> bool:
    """Return whether the tests fail on a copy of the project with the mutant."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    file = copy / mutant.file
    original = file.read_text(encoding="utf-8")
    mutated = mutate_code(original, get_operator(mutant.operator)(), mutant.occurrence)
    assert mutated is not None, mutant
    file.write_text(mutated, encoding="utf-8")
    try:
        return not passes(copy, tests)
    finally:
        file.write_text(original, encoding="utf-8")


def passes(copy: Path, tests: tuple[str, ...]) -> bool:
    """Return whether the copy passes the tests within the time limit."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        [*command, "-m", "not slow", *tests],
        cwd=copy,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            return process.wait(SECONDS) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return False


def main() -> None:
    """Print the number of mutants caught in each area, and those that survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("areas", nargs="*", help="whose sources have this in their path; or all")
    parser.add_argument("--mutants", type=int, default=30, help="of each area (default: 30)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="perceptron-mutants-") as folder:
        copy = Path(folder)
        subprocess.run(["git", "clone", "--quiet", str(ROOT), folder], check=True)
        for pattern, tests in AREAS.items():
            if options.areas and not any(area in pattern for area in options.areas):
                continue
            if not passes(copy, tests):
                sys.exit(f"error: {pattern}: its tests fail without a mutant; mend them first")
            drawn = mutants(pattern, options.mutants)
            survived = [mutant for mutant in drawn if not is_caught(mutant, copy, tests)]
            caught = len(drawn) - len(survived)
            print(f"{pattern}: {caught} of {len(drawn)} mutants caught", flush=True)
            for mutant in survived:
                operator = mutant.operator.removeprefix("core/")
                print(f"  survived: {mutant.file}:{mutant.line} {operator}", flush=True)


if __name__ == "__main__":
    main()
