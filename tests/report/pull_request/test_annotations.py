from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from perceptron.errors import UserError
from perceptron.report.pull_request.annotations import annotate, marks
from perceptron.report.pull_request.comment import TAG
from tests.made_comparison import broken, comparison, harder, row, slower, work


def test_a_slower_benchmark_is_marked_where_it_is_defined() -> None:
    (line,) = marks(comparison(slower(), row()))
    assert line == (
        "::error file=benchmarks/sums.py,line=12,title=regression%3A sums.time_sum(10%2C 'numpy')::"
        "1.00 ms → 1.08 ms, +8.1 %25 [+7.0, +9.3], 23 blocks, confirmed"
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"p_adjusted": 0.2}, "the clock +3.0 %25 [-1.0, +7.0] (1.00 ms → 1.03 ms, 10 blocks)"),
        (
            {"stands_on": "both", "p_adjusted": 1e-5, "confirmation_blocks": 20},
            "the clock +3.0 %25 [-1.0, +7.0] (1.00 ms → 1.03 ms, 20 blocks, confirmed)",
        ),
    ],
)
def test_more_work_is_marked_with_what_the_clock_saw(fields: dict[str, Any], words: str) -> None:
    (line,) = marks(comparison(harder(**fields)))
    counted = "work +5.0 %25 (48.4 M → 50.8 M instructions a call)"
    assert line.endswith(f"::{counted}, {words}")


def test_a_slowdown_of_the_same_work_says_so() -> None:
    (line,) = marks(comparison(slower(work=work())))
    assert line.endswith(
        "::work same (48.4 M instructions a call), "
        "the clock +8.1 %25 [+7.0, +9.3] (1.00 ms → 1.08 ms, 23 blocks, confirmed)"
    )


def test_a_broken_one_and_one_that_was_not_judged_are_marked_with_their_reasons() -> None:
    """The first is an error, the second a warning; without a place there is none."""
    unsure = row(verdict="inconclusive", reason="too noisy here", file=None, params=[])
    error, warning = marks(comparison(unsure, broken(params=[])))
    assert error.startswith("::error file=benchmarks/sums.py,line=12,title=")
    assert error.endswith("::broke on HEAD: ValueError: no")
    assert warning == "::warning title=inconclusive%3A sums.time_sum::too noisy here"


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


def test_there_are_at_most_ten_of_a_kind_and_the_worst_come_first() -> None:
    """GitHub shows no more."""
    many = [slower(params=[f"p{number}"], change=number / 100) for number in range(1, 30)]
    unsure = [row(verdict="inconclusive") for _ in range(30)]
    lines = marks(comparison(*many, *unsure))
    assert [line.startswith("::error") for line in lines] == [True] * 10 + [False] * 10
    assert "(p29)" in lines[0]


def test_what_fails_leads_however_many_became_slower() -> None:
    """It would not be among the first ten by the size of its change, which it has not."""
    many = [slower(params=[f"p{number}"]) for number in range(30)]
    lines = marks(comparison(*many, broken(benchmark="bad.time_it", params=[])))
    assert lines[0].endswith("title=regression%3A bad.time_it::broke on HEAD: ValueError: no")
    assert "sums.time_sum" in lines[1]


@pytest.mark.parametrize(("inside", "asked"), [("true", False), (None, True), (None, False)])
def test_marks_are_printed_inside_a_workflow_or_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], inside: str, asked: bool
) -> None:
    """On standard error: standard output holds one JSON document."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    if inside:
        monkeypatch.setenv("GITHUB_ACTIONS", inside)
    annotate(comparison(slower()), asked)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("::error ") == bool(inside or asked)


def test_the_summary_is_added_to_what_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    annotate(comparison(row()), False)
    assert summary.read_text(encoding="utf-8").startswith(f"before\n{TAG}\n")


def test_the_summary_leads_to_the_page_where_it_is_published(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    annotate(comparison(row(), page="gate/x/index.html"), False, "https://we.example")
    assert "[Page](https://we.example/gate/" in summary.read_text(encoding="utf-8")


def test_a_summary_that_cannot_be_written_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "summary.md"))
    with pytest.raises(UserError, match=r"summary\.md: cannot be written: No such file"):
        annotate(comparison(row()), False)
