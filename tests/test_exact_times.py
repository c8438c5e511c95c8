"""Backends of exact times, from another package, through the real commands: one verdict."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT, install_backend, typed

# They train as NumPy does, then wait: other programs may lengthen nothing that ends in time.
PACKAGE = """
from time import perf_counter, sleep

from perceptron.backends.numpy_backend import NumpyBackend


class Exact(NumpyBackend):
    def __init__(self, name, seconds):
        self.name, self.seconds = name, seconds
        self.summary = f"NumPy, {1e6 * seconds:g} us an iteration"

    def _trainer(self, problem, dtype):
        trainer = super()._trainer(problem, dtype)
        train = trainer.train

        def exactly(iterations):
            end = perf_counter() + iterations * self.seconds
            train(iterations)
            while (left := end - perf_counter()) > 0:
                sleep(max(0.0, left - 1e-3))

        trainer.train = exactly
        return trainer


exact_200, exact_204, exact_300 = (Exact(f"exact-{n}", n * 1e-6) for n in (200, 204, 300))
"""
COMMANDS = {
    "bench": ("bench", "--quick", "--families", "none"),
    "overhead": ("overhead", "--quick", "--problem", "or-gate"),
    "advise": ("advise", "--problem", "or-gate", "--budget", "0.7"),
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    (folder / "exact.py").write_text(PACKAGE)
    for name in ("exact-200", "exact-204", "exact-300"):
        install_backend(folder, name, f"exact:{name.replace('-', '_')}")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_exact_backends_get_one_verdict(
    packages: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """2% are a tie, 50% are not. Beside other programs nothing may be decided: never otherwise."""
    several = ("--backends", "exact-200,exact-204,exact-300", "--threads", "1")
    arguments = (*words, *several, "--results", "results", "--html", "", "--json")
    process = typed(tmp_path, *arguments, path=(packages, ROOT))
    assert process.returncode in (0, 3), process.stderr
    if not process.stdout:  # no time was left beside other programs, in one line
        assert process.stderr.count("error: ") == 1
        return
    verdict = json.loads(process.stdout)["verdicts"][0]
    if verdict["decided"] == "no":
        assert process.returncode == 3
        return
    claims = [part for part in verdict["sentence"].split("; ") if not part.startswith("undecided")]
    assert claims, verdict
    for claim in claims:
        if " tie" in claim:
            assert "exact-204" in claim, verdict
            assert "exact-300" not in claim, verdict
        assert not re.search(r"exact-200 takes [\d.]+×", claim), verdict
    if verdict["decided"] == "yes":
        assert any(" tie" in claim for claim in claims), verdict
