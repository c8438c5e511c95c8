"""What `perceptron compare` writes where, around a gate that has answered already."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from perceptron.analysis.crossover import moved as judge
from perceptron.cli import app
from perceptron.gate import compare as gate
from perceptron.records.comparison import Comparison
from perceptron.report.pull_request.comment import comment
from tests.made_comparison import comparison, moved, row, slower


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests may themselves run in a workflow."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def compare(monkeypatch: pytest.MonkeyPatch, result: Comparison, *options: str) -> int:
    monkeypatch.setattr(gate, "compare", lambda request, progress: result)
    return app(["compare", "a", "b", *options], standalone_mode=False) or 0


def test_json_markdown_and_marks_do_not_get_mixed_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One document on standard output, marks on standard error, the comment in its file."""
    result = comparison(slower(), verdict="regression")
    file = tmp_path / "gate.md"
    options = ("--json", "--annotations", "--markdown", str(file))
    assert compare(monkeypatch, result, *options) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["verdict"] == "regression"
    assert err.startswith("::error file=benchmarks/sums.py,line=12,")
    assert file.read_text(encoding="utf-8") == comment(result)


def test_moved_crossovers_are_judged_once_and_shown_everywhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The gate knows no crossovers: the command judges, and document, table and comment agree."""
    judged = moved()
    monkeypatch.setattr(judge, "moved_crossovers", lambda comparison: [judged])
    file = tmp_path / "gate.md"
    gated = comparison(slower(), verdict="regression")
    assert compare(monkeypatch, gated, "--json", "--markdown", str(file)) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["moved_crossovers"] == [msgspec.to_builtins(judged)]
    assert list(document)[2:5] == ["rows", "moved_crossovers", "control"]
    words = "BASE torch-cpu from 64.0 [62.0, 66.0] up, HEAD torch-cpu from 32.0 [31.0, 33.0] up"
    assert compare(monkeypatch, gated) == 1
    assert f"crossover moved: mlp-width: {words}" in capsys.readouterr().out
    assert words in file.read_text(encoding="utf-8").replace("`", "")


def test_outside_a_workflow_there_are_no_marks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(monkeypatch, comparison(slower())) == 0
    out, err = capsys.readouterr()
    assert "::" not in out + err
    assert "+8.1 % [+7.0, +9.3]" in out


@pytest.mark.parametrize(
    ("verdict", "code"), [("clean", 0), ("regression", 1), ("invalid", 2), ("inconclusive", 3)]
)
def test_the_exit_code_is_the_verdict(
    monkeypatch: pytest.MonkeyPatch, verdict: str, code: int
) -> None:
    assert compare(monkeypatch, comparison(row(), verdict=verdict)) == code
