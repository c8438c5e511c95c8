"""Questions asked in Python: a mistake is told at once, and what helps is named as an argument."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from perceptron import crossover, load_results
from perceptron.errors import UserError
from perceptron.options import in_python
from perceptron.records.run import Hang
from perceptron.statistics.trust import budget_warning, hang_warning
from tests.conftest import ROOT

CODE = """
import sys, collections
import numpy
started = []
starting = ("subprocess.Popen", "os.fork", "os.posix_spawn")
sys.addaudithook(lambda event, _: event in starting and started.append(event))
from perceptron import crossover, fastest
from perceptron.errors import UserError

class Loaded:
    "A model that must not be looked at."
    def __getattr__(self, name):
        raise AssertionError(name)

two = {"a": len, "b": len}
shape = {"rows": 10, "features": 3}
for mistake in sys.argv[1:]:
    try:
        eval(mistake)
    except UserError as error:
        print(error)
    assert not started, (mistake, started)
    late = {"scipy", "pandas", "rich", "torch", "perceptron.questions.carry_out"} & set(sys.modules)
    assert not late, (mistake, late)
"""
# What each of them names.
MISTAKES = {
    "fastest(rows=-1, features=3)": "rows",
    "fastest(**shape, dtype='f32')": "float32",
    "fastest(**shape, measur_='now')": "measure",
    "fastest(**shape, results=3)": "results",
    "fastest(Loaded(), [[1.0]], [1.0], measure='nwo')": "now",
    "fastest(Loaded(), [[1.0]], [1.0], among=('npy',))": "numpy",
    "crossover(two, range, (10, 1))": "sizes",
    "crossover(two, lambda: 3, (1, 10))": "setup",
    "crossover({'a': len, 'b': b'no'}, range, (1, 10))": "candidates",
    "crossover(two, range, (1, 10), equal=3)": "equal",
    "crossover(two, range, (1, 10), pairs=3)": "pairs",
    "crossover(two, range, (1, 10), results=3)": "results",
}


def test_python_call_mistake_is_reported_before_imports() -> None:
    """One after the other: the process is as fresh for the last as for the first."""
    command = [sys.executable, "-c", CODE, *MISTAKES]
    process = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    for line, (mistake, named) in zip(lines, MISTAKES.items(), strict=True):
        assert named in line, mistake


def test_errors_name_arguments_and_no_options(tmp_path: Path) -> None:
    def hangs(_: object) -> None:
        time.sleep(1e6)

    def error_of(seconds: float, results: Path) -> str:
        with pytest.raises(UserError) as caught:
            crossover({"a": hangs, "b": hangs}, range, (1, 2), seconds=seconds, results=results)
        return str(caught.value)

    (file := tmp_path / "file").write_text("")
    assert "another results" in error_of(60, file)
    assert "--" not in error_of(2, tmp_path / "results")
    (table := tmp_path / "table.csv").write_text("case,size,backend,seconds\nx,1,a,1\n")
    with pytest.raises(UserError, match="by and size name columns of a table, and size_regex"):
        load_results(table, by="x")


def test_python_call_advice_uses_python_terms() -> None:
    def advice() -> list[str]:
        return [hang_warning(Hang("numpy", None, 3.0)).advice, budget_warning(60.0).advice]

    typed = advice()
    with in_python():
        lines = advice()
    assert advice() == typed
    assert "--budget " in typed[0]
    assert typed[1].startswith("--budget 3")
    assert "raise seconds " in lines[0]
    assert lines[1].startswith("seconds=180 ")
