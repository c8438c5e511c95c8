from __future__ import annotations

import re
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.report.pull_request.annotations import annotate, marks
from perceptron.report.pull_request.comment import TAG
from tests.made_comparison import broken, comparison, row, slower


def test_untrusted_texts_stay_one_command_each() -> None:
    """No second line, no property and no message of their own."""
    evil = "a,line=1::b\r\n::error::c%0A\u2028"
    hostile = broken(benchmark=evil, params=[evil], file=evil, reason=evil * 1000)
    (line,) = marks(comparison(hostile))
    assert len(line.splitlines()) == 1
    assert len(line) < 2000
    match = re.fullmatch(r"::error file=([^,:]*),line=12,title=([^,:]*)::(.*)", line)
    assert match is not None
    assert "%250A" in match[3]


def test_annotations_are_ten_of_a_kind_worst_first() -> None:
    """GitHub shows no more; what fails leads, although it has no size of a change."""
    many = [slower(params=[f"p{number}"], change=number / 100) for number in range(1, 30)]
    unsure = [row(verdict="inconclusive") for _ in range(30)]
    muted = slower(params=["muted"], change=0.9, muted="flaky")
    lines = marks(comparison(*many, *unsure, muted, broken(benchmark="bad.time_it")))
    assert [line.startswith("::error") for line in lines] == [True] * 10 + [False] * 10
    assert "bad.time_it" in lines[0]
    assert "(p29)" in lines[1]


@pytest.mark.parametrize("inside", ["true", None])
def test_marks_are_printed_inside_a_workflow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], inside: str | None
) -> None:
    """On standard error: standard output holds one JSON document."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    if inside:
        monkeypatch.setenv("GITHUB_ACTIONS", inside)
    annotate(comparison(slower()))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("::error ") == bool(inside)


def test_annotations_append_summary_with_link(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    annotate(comparison(row(), page="gate/x/index.html"), "https://we.example")
    text = summary.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{TAG}\n")
    assert "[page with figures](https://we.example/gate/" in text


def test_annotations_unwritable_summary_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "summary.md"))
    with pytest.raises(UserError, match=r"summary\.md: cannot be written: No such file"):
        annotate(comparison(row()))
