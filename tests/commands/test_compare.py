"""What `perceptron compare` writes where, around a gate that has answered already."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from perceptron import optional
from perceptron.cli import app
from perceptron.gate import compare as gate
from perceptron.gate.checkout.request import Case, CompareRequest, command
from perceptron.gate.checkout.revisions import Revision
from perceptron.gate.checkout.suite import Suite
from perceptron.gate.verdict.instructions import AGREE, OTHER_DRAWS
from perceptron.gate.verdict.rule import Rule
from perceptron.records.comparison import Comparison
from perceptron.report.junit import junit_xml
from perceptron.report.pull_request.comment import comment
from tests.conftest import ROOT
from tests.made_comparison import comparison, row, slower


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """These tests may themselves run in a workflow, and pages go to a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def compare(monkeypatch: pytest.MonkeyPatch, result: Comparison, *options: str) -> int:
    monkeypatch.setattr(gate, "compare", lambda request, progress: result)
    return app(["compare", "a", "b", *options], standalone_mode=False) or 0


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[CompareRequest]:
    """Requests of the gate, one from each command of a test."""
    requests: list[CompareRequest] = []

    def answer(request: CompareRequest, progress: object) -> Comparison:
        requests.append(request)
        return comparison(row())

    monkeypatch.setattr(gate, "compare", answer)
    return requests


def test_compare_options_become_request(requested: list[CompareRequest]) -> None:
    """Percentages become shares; what was not typed is left to the rule."""
    options = "--count never --least-judged 0 --budget 3 --seed 7"
    app(["compare", "a", "b", *options.split()], standalone_mode=False)
    app(["compare", "a", "b"], standalone_mode=False)
    assert requested == [
        CompareRequest("a", "b", budget_minutes=3, seed=7, count="never", least_judged=0.0),
        CompareRequest("a", "b"),
    ]


def test_compare_page_states_numbers_of_rule() -> None:
    """What it says of counting is what the gate does."""
    rule = Rule()
    page = " ".join((ROOT / "docs" / "gate-how.md").read_text(encoding="utf-8").split())
    for words in (
        f"differ by more than {100 * AGREE:g}%, both are counted a second time",
        f"counts differ by more than {100 * rule.repeatable:g}%",
        f"Work that differs by {100 * rule.same_work:g}% or more is counted with other",
        f"up to {len(OTHER_DRAWS)} times".replace("3", "three"),
        f"a t-test of their mean at p ≤ {rule.draws_alpha:g}",
        f"differs by less than {100 * rule.same_work:g}% |",
        f"where there is time: {rule.probe} blocks; the {rule.screen} of a screen",
        f"a confirmation only at p ≤ {rule.probe_alpha:g}",
        f"up to {rule.most_screen} blocks while {100 * rule.blind:g}% could be hidden",
        f"rose by {100 * rule.least_work:g}% or more",
        f"it shows (p ≤ {rule.contradiction:g})",
        f"or by {100 * rule.least:g}% if that is less",
        f"Where work rose by {100 * rule.blind:g}% or more, the clock's estimate must",
    ):
        assert words in page, words
    assert rule.least_judged == 0.5  # "Below half of them it is inconclusive"


@pytest.mark.parametrize(
    "request_",
    [
        CompareRequest("a", "b"),
        CompareRequest("a", "b", count="always", least_judged=0.9, strict=True),
    ],
)
def test_compare_repeat_command_gives_same_request(
    requested: list[CompareRequest], request_: CompareRequest
) -> None:
    """With the seed that was drawn, and the commits instead of their names."""
    base, head = Revision("a", "a" * 40), Revision("b", "b" * 40)
    suite = Suite("asv.conf.json", "benchmarks", "")
    line = command(Case(request_, Path(), base, head, suite, {}), 7)
    app(shlex.split(line)[1:], standalone_mode=False)
    assert requested == [replace(request_, base="a" * 12, head="b" * 12, seed=7)]


def test_json_markdown_and_marks_do_not_get_mixed_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One document on standard output, marks on standard error, the others in their files."""
    result = comparison(slower(), verdict="regression")
    file, xml = tmp_path / "gate.md", tmp_path / "gate.xml"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    options = ("--json", "--html", "", "--markdown", str(file), "--junit", str(xml))
    assert compare(monkeypatch, result, *options) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["verdict"] == "regression"
    assert err.startswith("::error file=benchmarks/sums.py,line=12,")
    assert file.read_text(encoding="utf-8") == comment(result)
    assert xml.read_text(encoding="utf-8") == junit_xml(result)


PAGE = f"gate/{'a' * 12}..{'b' * 12}/index.html"


def test_compare_page_is_named_in_outputs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Below the table, in the document, and in the comment where it is published."""
    result = comparison(slower(), verdict="regression")
    assert compare(monkeypatch, result, "--html", "pages") == 1
    assert f"page:   pages/{PAGE}" in capsys.readouterr().out.splitlines()
    assert (tmp_path / "pages" / PAGE).is_file()
    options = ("--markdown", "gate.md", "--pages-url", "https://we.example/suite/", "--json")
    assert compare(monkeypatch, result, *options) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["page"] == PAGE
    assert json.loads((tmp_path / "html" / PAGE).with_name("comparison.json").read_text()) == (
        document
    )
    link = f"[page with figures](https://we.example/suite/{PAGE})"
    assert link in (tmp_path / "gate.md").read_text(encoding="utf-8")


def test_compare_answers_without_page_dependencies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With a sentence that says how to get them."""
    monkeypatch.setattr(optional, "find_spec", lambda name: None)
    assert compare(monkeypatch, comparison(row()), "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["page"] is None
    message = " ".join(err.split())
    assert message.startswith("no page will be written: jinja2 is not installed: pip ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("verdict", "code"), [("clean", 0), ("regression", 1), ("invalid", 2), ("inconclusive", 3)]
)
def test_compare_exit_code_follows_verdict(
    monkeypatch: pytest.MonkeyPatch, verdict: str, code: int
) -> None:
    assert compare(monkeypatch, comparison(row(), verdict=verdict)) == code
