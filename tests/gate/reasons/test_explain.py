"""A second look believes nothing that a side says of itself, and no verdict is lost to it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from perceptron.gate.reasons import explain
from perceptron.gate.reasons.explain import converted_pairs
from perceptron.gate.reasons.growth import Cost, TraceError, read_dump
from perceptron.gate.verdict.rule import Rule
from perceptron.records.block import PAIR
from tests.gate.conftest import benchmark, counts
from tests.made_comparison import comparison, instructions, slower


def test_explain_bad_answer_costs_no_other(tmp_path: Path) -> None:
    for side in PAIR:
        (tmp_path / side).mkdir()
        (tmp_path / side / "counts.1").write_text("fn=(1) work\n0 300\n")
    good = {"status": "ok", "dump": "counts.1", "calls": 1}
    received = [
        ("one", {"base": good, "head": {**good, "calls": 0}}),
        ("two", {"base": good, "head": good}),
        ("three", {"base": good, "head": {"status": "failed", "reason": "it ended"}}),
    ]
    by_key = dict(
        converted_pairs(
            cast(Any, received), lambda side, content: read_dump(tmp_path / side, content)
        )
    )
    assert isinstance(by_key["one"], TraceError)
    assert str(by_key["one"]).startswith("HEAD: no dump of callgrind")
    table = {("work", None): Cost(300, 0)}
    assert by_key["two"] == (table, table)
    assert str(by_key["three"]) == "HEAD: it ended"


@pytest.mark.parametrize(
    "functions",
    [
        [["f", None, None, -1.0, 1.0]],
        [["f", None, None, 1e999, 1.0]],
        [[3, None, None, 1.0, 1.0]],
        "none",
    ],
)
def test_explain_refuses_invalid_trace(functions: object) -> None:
    content = {"status": "ok", "unit": "bytecodes", "repeats": True, "functions": functions}
    pairs = [("one", dict.fromkeys(PAIR, content))]
    [(_, error)] = converted_pairs(cast(Any, pairs), lambda _, content: explain._trace(content))
    assert isinstance(error, TraceError)


def test_explaining_that_fails_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(explain, "ask_both", broken)
    own = slower(benchmark="time_one", params=[], param_names=[], instructions=instructions(0.1))
    compared = comparison(own, verdict="regression", benchmarks=[benchmark("time_one")])
    journal = cast(Any, SimpleNamespace(blocks=counts("time_one", 0.1, 0.1, 0.1)))
    sampler = cast(Any, SimpleNamespace(sides=None))
    explained = explain.add(compared, sampler, journal, Rule(), None, lambda *_: None)
    (row,) = explained.rows
    assert (explained.verdict, row.verdict, row.why) == ("regression", "slower", [])
    assert "full" in (row.why_not or "")
