"""Whatever becomes of explaining, the rows keep their verdicts and say what went wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from perceptron.errors import UserError
from perceptron.gate.reasons import explain
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

        def trace(self, *_: object) -> None:
            raise error

    monkeypatch.setattr(explain, "Looking", Broken)
    found = explain.add(
        compared(), NOTHING, journal(tmp_path), Rule(), None, lambda *_: None, cast(Any, object())
    )
    row = only_row(found)
    assert row.why == []
    assert str(error) in (row.why_not or "")
