"""From two commits to the function that does more, and to the commit with which that began.

What is counted does not depend on any clock; that of the suite is made up.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from perceptron.gate.checkout.request import CompareRequest
from perceptron.gate.compare import compare
from perceptron.gate.verdict.rule import Rule
from perceptron.records.comparison import Comparison, Growth, Row
from perceptron.records.profile import Profile
from tests.gate.conftest import FEWEST, Repository

valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")

# A loop without calls, and compiled work; the clock says how much of both there was.
TOY = """
NOW = 0.0
TABLE = bytes(range(256))
TEXT = bytes({text})

def loop(turns):
    total = 0.0
    for number in range(turns):
        total += 0.5 * number
    return total

def translated():
    return TEXT.translate(TABLE)

def work(amount):
    global NOW
    NOW += {seconds}
    for _ in range(10):
        loop({turns})
    return translated()

def clock():
    return NOW
"""
SUITE = """
import toy

class Counted:
    timer = staticmethod(toy.clock)

    def time_one(self):
        toy.work(1)
"""


def code(turns: int = 1000, text: int = 10_000, seconds: float = 1e-3) -> str:
    return TOY.format(turns=turns, text=text, seconds=seconds)


@pytest.fixture
def project(toy: Repository) -> Repository:
    """One benchmark over Python's code and compiled code."""
    toy.write(".gitignore", "results/\n__pycache__/\n")
    toy.write("toy/__init__.py", code())
    toy.write("benchmarks/suite.py", SUITE)
    toy.commit("base")
    return toy


def run(head: str = "head", **options: object) -> Comparison:
    request = CompareRequest(
        "base",
        head,
        results=Path("results"),
        seed=1,
        **{"count": "always", **options},  # type: ignore[arg-type]
    )
    return compare(request, lambda *_: None, Rule(**FEWEST, look=5))


def only_row(comparison: Comparison) -> Row:
    [row] = comparison.rows
    return row


def level(row: Row, name: str) -> list[Growth]:
    return [growth for growth in row.why if growth.level == name]


def profiles(comparison: Comparison) -> list[Profile]:
    file = Path(comparison.results) / "profiles.jsonl"
    return msgspec.json.Decoder(Profile).decode_lines(file.read_bytes())


@valgrind
def test_a_loop_that_turns_more_often_names_its_function(project: Repository) -> None:
    """Although no function is called more often."""
    project.write("toy/__init__.py", "\n" + code(turns=1050, seconds=1.05e-3))
    project.commit("head")
    row = only_row(run())
    assert (row.verdict, row.why_not) == ("regression", None)
    [loop] = level(row, "python")
    assert (loop.function, loop.file, loop.line) == ("loop", "toy/__init__.py", 7)
    assert (loop.base_calls, loop.head_calls, loop.unit) == (10, 10, "bytecodes")
    assert loop.head - loop.base == pytest.approx(loop.base * 0.05, rel=0.01)
    first, *_ = level(row, "c")
    assert "Eval" in first.function or first.head > first.base
    assert first.unit == "instructions"
