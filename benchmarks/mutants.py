"""Break the code that decides, one mutant at a time, and count which of them the tests notice.

``make mutants`` draws the same mutants of the same sources each time, so that two states of the
tests can be compared: ``--tests COMMIT`` runs those of another commit, on all that was there then
but for the sources that are mutated.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
SEED = 20261128
# A mutant of the annotation `int | None` is never run, and floats have no bits: any call notices.
TOO_EASY = ("Bit", "Shift")


class Area(NamedTuple):
    """Sources that decide something, and the tests that are to notice when they are wrong."""

    sources: str
    tests: tuple[str, ...]


AREAS = {
    "crossover": Area(
        "perceptron/analysis/crossover/**/*.py", ("tests/analysis/crossover", "tests/goldens")
    ),
    "verdict": Area("perceptron/gate/verdict/**/*.py", ("tests/gate/verdict",)),
    "timing": Area("perceptron/measure/timing.py", ("tests/measure",)),
    "store": Area("perceptron/records/store.py", ("tests/records", "tests/goldens")),
    "contract": Area("perceptron/backends/contract/**/*.py", ("tests/backends/contract",)),
}


class Mutant(NamedTuple):
    """One change of one place of one file; ``occurrence`` counts the operator's places in it."""

    file: str
    operator: str
    occurrence: int
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.operator.removeprefix('core/')}"


def mutants(pattern: str, how_many: int) -> list[Mutant]:
    """Draw mutants of the files that match, the same ones each time."""
    # asv imports this module, where nothing is installed but what benchmarks need.
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    found = []
    for path in sorted(ROOT.glob(pattern)):
        tree = get_ast(path.read_text(encoding="utf-8"))
        for name in sorted(operator_names()):
            operator = get_operator(name)
            if any(word in name for word in TOO_EASY) or operator.arguments():
                continue
            places = (
                start
                for node in ast_nodes(tree)
                for start, _ in operator().mutation_positions(node)
            )
            file = str(path.relative_to(ROOT))
            found += [
                Mutant(file, name, occurrence, line) for occurrence, (line, _) in enumerate(places)
            ]
    return sorted(random.Random(SEED).sample(found, min(how_many, len(found))))


def is_caught(mutant: Mutant, copy: Path, tests: list[str], seconds: float) -> bool:
    """Run the tests on a copy of the project that holds the mutant."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    file = copy / mutant.file
    original = file.read_text(encoding="utf-8")
    mutated = mutate_code(original, get_operator(mutant.operator)(), mutant.occurrence)
    assert mutated is not None, mutant
    file.write_text(mutated, encoding="utf-8")
    try:
        return not passes(copy, tests, seconds)
    finally:
        file.write_text(original, encoding="utf-8")


def passes(copy: Path, tests: list[str], seconds: float) -> bool:
    """Return whether the copy passes the tests; what takes too long does not."""
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
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return False


def copied(folder: Path, commit: str | None, sources: list[str]) -> Path:
    """Clone the project; at another commit, if one is named, with today's sources."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    if commit is not None:
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=folder, check=True)
        for pattern in sources:
            for path in ROOT.glob(pattern):
                shutil.copy(path, folder / path.relative_to(ROOT))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("areas", nargs="*", help=f"of {', '.join(AREAS)}; all of them by default")
    parser.add_argument("--mutants", type=int, default=30, help="of each area (default: 30)")
    parser.add_argument("--tests", metavar="COMMIT", help="take the tests of another commit")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument("--seconds", type=float, default=300.0, help="for one mutant at most")
    options = parser.parse_args()
    if unknown := set(options.areas) - set(AREAS):
        parser.error(f"areas: {', '.join(sorted(unknown))} is none of {', '.join(AREAS)}")
    chosen = options.areas or list(AREAS)
    sources = [AREAS[name].sources for name in chosen]
    with tempfile.TemporaryDirectory(prefix="perceptron-mutants-") as temporary:
        copies: Queue[Path] = Queue()
        for number in range(options.jobs):
            copies.put(copied(Path(temporary) / str(number), options.tests, sources))
        for name in chosen:
            judge(name, copies, options)


def judge(name: str, copies: Queue[Path], options: argparse.Namespace) -> None:
    """Print how many mutants of an area were caught, and which were not."""
    area = AREAS[name]
    copy = copies.get()
    tests = [folder for folder in area.tests if (copy / folder).exists()]
    if not passes(copy, tests, options.seconds):
        sys.exit(f"error: {name}: its tests fail without a mutant; mend them first")
    copies.put(copy)

    def try_one(mutant: Mutant) -> bool:
        copy = copies.get()
        try:
            return is_caught(mutant, copy, tests, options.seconds)
        finally:
            copies.put(copy)

    drawn = mutants(area.sources, options.mutants)
    with ThreadPoolExecutor(options.jobs) as pool:
        caught = list(pool.map(try_one, drawn))
    print(f"{name}: {sum(caught)} of {len(drawn)} mutants caught", flush=True)
    for mutant, was_caught in zip(drawn, caught, strict=True):
        if not was_caught:
            print(f"  survived: {mutant}", flush=True)


if __name__ == "__main__":
    main()
