"""What a project asks of its benchmarks is read from BASE, and checked."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.gate.checkout.gate_config import GateRules, gate_rules, in_force, read
from perceptron.records.comparison import GateRule
from tests.conftest import ROOT
from tests.gate.conftest import COUNTED, Repository, run


def test_rules_are_read_in_their_order(tmp_path: Path) -> None:
    """As the page on the gate shows them."""
    assert read(tmp_path, "BASE") == GateRules([])
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'toy'\n")
    assert read(tmp_path, "BASE") == GateRules([])
    page = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
    shown = page.partition("<!-- rules -->\n```toml\n")[2].partition("```")[0]
    day = "[[tool.perceptron.gate.rule]]\nmatch = 'x'\nmute = 'y'\nuntil = 2027-03-01\n"
    (tmp_path / "pyproject.toml").write_text(shown + day)
    until = date(2027, 3, 1)
    rules = [
        GateRule(match="time_pagerank", slower=0.1),
        GateRule(match="time_download", mute="flaky, #1234", until=until),
        GateRule(match="time_old", removed="replaced by time_new, #1240"),
        GateRule(match="x", mute="y", until=until),
    ]
    assert read(tmp_path, "BASE") == GateRules(rules, strict=True)


def test_gate_rule_mute_ends_after_its_day(tmp_path: Path) -> None:
    rules = [
        GateRule(match="time_it", mute="flaky, #1234", until=date(2027, 3, 1), slower=0.2),
        GateRule(match="time_other", mute="slow machine"),
    ]
    assert in_force(rules, date(2027, 3, 1)) == (rules, [])
    (first, second), (warning,) = in_force(rules, date(2027, 3, 2))
    assert (first.mute, first.slower, second) == (None, 0.2, rules[1])
    assert "time_it" in warning.message
    assert "#1234" in warning.message


WRONG = {
    "[tool.perceptron]\ngate = 3": "tool.perceptron.gate: Expected `object`",
    "[tool.perceptron.gate]\nrules = []": "unknown field `rules`",
    "[tool.perceptron.gate]\nrule = 3": "$.rule",
    "[tool.perceptron.gate]\nstrict = 'yes'": "$.strict",
    "[[tool.perceptron.gate.rule]]\nslower = '1%'": "missing required field `match`",
    "slower = 10": "$.rule[2].slower",
    "slower = '-1%'": "$.rule[2].slower",
    "slower = '99999%'": "$.rule[2].slower",
    'slower = "10%\\n"': "$.rule[2].slower",
    "mute = ''": "$.rule[2].mute",
    "until = '2027-03-01'": "until needs a reason",
    "mute = 'x'\nuntil = 'soon'": "$.rule[2].until",
    "mute = 'x'\nuntil = 2027-03-01T00:00:00": "$.rule[2].until",
    f"match = '{'x' * 201}'": "$.rule[2].match",
    "slower": "not TOML",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items(), ids=WRONG.values())
def test_gate_rule_error_names_its_field(text: str, message: str, tmp_path: Path) -> None:
    others = "[[tool.perceptron.gate.rule]]\nmatch = 'x'\n" * 2
    if not text.startswith("["):
        name = "" if text.startswith("match") else "match = 'y'\n"
        text = f"{others}[[tool.perceptron.gate.rule]]\n{name}{text}"
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UserError) as caught:
        read(tmp_path, "BASE")
    error = str(caught.value)
    assert error.startswith("pyproject.toml of BASE: ")
    assert message in error
    assert "\n" not in error


RULE = "[[tool.perceptron.gate.rule]]\nmatch = '*'\nslower = '{}%'\n"


def test_gate_rules_of_head_do_not_apply_to_itself(toy: Repository) -> None:
    """Once merged, they hold for what follows."""
    toy.commit(
        "second", "pyproject.toml", "[tool.perceptron.gate]\nstrict = true\n" + RULE.format(50)
    )
    toy.write("toy/__init__.py", COUNTED.replace("return amount", "return 1.7 * amount"))
    toy.commit("third", "pyproject.toml", RULE.format(90))
    comparison = run(base="second", head="third", reasons=False)
    (row,) = comparison.rows
    assert (comparison.verdict, row.verdict, row.limit) == ("regression", "slower", 0.5)
    assert comparison.plan.gate_rules == [GateRule(match="*", slower=0.5)]
    assert comparison.plan.strict


def test_gate_rules_of_head_broken_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("no TOML")
    rules, (warning,) = gate_rules(tmp_path / "base", tmp_path, date(2027, 3, 1))
    assert (rules, warning.code) == (GateRules([]), "rules of HEAD")
