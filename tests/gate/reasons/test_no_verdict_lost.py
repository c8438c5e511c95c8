"""Whatever becomes of explaining, the rows keep their verdicts and say what went wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from perceptron.errors import UserError
from perceptron.gate.reasons import bisect, explain
from perceptron.gate.reasons.commits import Step
from perceptron.gate.reasons.traces import Trace
from perceptron.gate.verdict.rule import Rule
from perceptron.records.comparison import Comparison, Row
from tests.gate.conftest import benchmark, counts
from tests.made_comparison import comparison, slower, work

ONE = "suite.time_one"
NOTHING = cast(Any, None)


def compared(**fields: Any) -> Comparison:
    """One benchmark that does a tenth more and is slower."""
    row = slower(benchmark=ONE, params=[], param_names=[], work=work(0.1), **fields)
    return comparison(row, verdict="regression", benchmarks=[benchmark(ONE)])


def journal(folder: Path) -> Any:
    return SimpleNamespace(blocks=counts(ONE, 0.1, 0.1, 0.1), folder=folder, run=None)


def only_row(found: Comparison) -> Row:
    assert found.verdict == "regression"
    [row] = found.rows
    assert row.verdict == "regression"
    return row


@pytest.mark.parametrize("error", [IndexError("list index"), UserError("no"), OSError(28, "full")])
def test_explaining_that_fails_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Broken:
        def __init__(self, *_: object) -> None: ...

        def trace(self, _own: object) -> None:
            raise error

    monkeypatch.setattr(explain, "Looking", Broken)
    found = explain.add(
        compared(), NOTHING, journal(tmp_path), Rule(), None, lambda *_: None, cast(Any, object())
    )
    row = only_row(found)
    assert row.why == []
    assert str(error) in (row.why_not or "")


def test_a_profile_that_cannot_be_written_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = Trace(
        unit="bytecodes",
        repeats=True,
        frames=[("work", "toy.py", 1)],
        stacks=[(-1, 0, 100.0, 1.0)],
    )

    class Looked:
        def __init__(self, *_: object) -> None: ...

        def trace(self, _own: object) -> tuple[object, object]:
            return trace, trace

    monkeypatch.setattr(explain, "Looking", Looked)
    found = explain.add(
        compared(),
        NOTHING,
        journal(tmp_path / "gone"),
        Rule(),
        None,
        lambda *_: None,
        cast(Any, object()),
    )
    assert "its profile is lost" in (only_row(found).why_not or "")


def bisected(folder: Path) -> Row:
    found = bisect.add(
        compared(why_not="what was known"),
        NOTHING,
        NOTHING,
        journal(folder),
        Rule(),
        NOTHING,
        lambda *_: None,
    )
    return only_row(found)


@pytest.mark.parametrize("error", [UserError("--bisect: main and x"), RuntimeError("main and x")])
def test_bisecting_that_fails_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """As where the history was cut off meanwhile."""

    def no_steps(_resolved: object) -> list[Step]:
        raise error

    monkeypatch.setattr(bisect, "steps", no_steps)
    row = bisected(tmp_path)
    assert row.introduced_by is None
    assert (row.why_not or "").startswith("what was known; --bisect: ")
    assert "main and x" in (row.why_not or "")
    assert (row.why_not or "").count("--bisect") == 1
