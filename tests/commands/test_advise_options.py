"""What `perceptron advise` is told about a training; a mistake is one line before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron.analysis.stored.runs import judge_advice
from perceptron.cli import app
from perceptron.errors import UserError
from perceptron.records.readers.stored_runs import read_run
from perceptron.studies import advise as study
from tests.made import ADVICE, advice_rows, keep

SHAPE = ("advise", "--rows", "1000", "--features", "20", "--hidden", "64")


def planned(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> study.AdvisePlan:
    """Return the plan that the command makes of these options."""
    plans: list[study.AdvisePlan] = []

    def advise(plan: study.AdvisePlan, *_: Any) -> Any:
        plans.append(plan)
        raise UserError("enough")

    monkeypatch.setattr(study, "advise", advise)
    with pytest.raises(UserError, match="enough"):
        app(list(arguments), standalone_mode=False)
    return plans[0]


def test_every_option_is_part_of_the_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--classes", "10", "--batch", "128", "--optimizer", "adam", "--feed", "host")
    plan = planned(monkeypatch, *SHAPE, *options, "--models", "400", "--epochs", "5")
    assert plan.problem.name == "mlp:1000x20x64:10c:128b:adam:host:400m"
    assert plan.length.epochs == 5


def test_a_problem_says_its_own_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the user gives one."""
    own = planned(monkeypatch, "advise", "--problem", "digits")
    assert own.length.iterations == own.problem.iterations != 10_000
    asked = planned(monkeypatch, "advise", "--problem", "digits", "--iterations", "7")
    assert asked.length.iterations == 7


def test_what_is_undecided_is_inconclusive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, and a script that takes ``use`` gets none."""
    rows = [replace(row, waited=0.9) for row in advice_rows()]
    for kept, code in ((advice_rows(), 0), (rows, 3)):
        judged = judge_advice(read_run(keep(tmp_path / str(code), ADVICE, kept)))
        monkeypatch.setattr(study, "advise", lambda *_, judged=judged: judged)
        assert (app([*SHAPE, "--json"], standalone_mode=False) or 0) == code
        document = json.loads(capsys.readouterr().out)
        assert document["use"] == (None if code else "numpy")
        assert document["sentence"].startswith("undecided: " if code else "Use ")
