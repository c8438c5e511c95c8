"""`perceptron advise`: what it is told about a training, and its document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from perceptron import Advice
from perceptron.answer import Answered
from perceptron.cli import app
from perceptron.errors import UserError
from perceptron.problems import catalogue
from perceptron.questions import run_study
from perceptron.questions.answering import answer_run
from perceptron.questions.fastest.advise import AdvisePlan
from perceptron.questions.fastest.judge import Candidate
from perceptron.records.readers.stored_runs import read_run
from tests.made import ADVICE, SHAPE, advice_rows, keep

ASKED = ("advise", "--rows", "1000", "--features", "20", "--hidden", "64")


class Asked:
    """What the command would have carried out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._made: list[tuple[AdvisePlan, float]] = []

        def stop(_: Any, plan: AdvisePlan, *more: Any) -> Answered:
            self._made.append((plan, more[3]))
            raise UserError("enough")

        monkeypatch.setattr(run_study, "run_study", stop)

    def __call__(self, *arguments: str) -> tuple[AdvisePlan, float]:
        """Return the plan and the seconds that these options say."""
        with pytest.raises(UserError, match="enough"):
            app([*arguments, "--html", ""], standalone_mode=False)
        return self._made.pop()


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


def test_advise_options_are_part_of_problem(planned: Asked) -> None:
    """Two equal hidden layers are two."""
    options = ("--classes", "10", "--batch", "128", "--optimizer", "adam", "--feed", "host")
    shape = ("advise", "--rows", "1000", "--features", "20", "--hidden", "64,64")
    plan, _ = planned(*shape, *options, "--models", "400", "--epochs", "5")
    assert plan.name == "mlp:1000x20x64x64:10c:128b:adam:host:400m"
    assert plan.length.epochs == 5


def test_advise_problem_has_default_length(planned: Asked) -> None:
    """Unless the user gives one."""
    by_default, _ = planned("advise", "--problem", "digits")
    assert by_default.length.iterations == catalogue.find("digits").iterations != 10_000
    by_option, _ = planned("advise", "--problem", "digits", "--iterations", "7")
    assert by_option.length.iterations == 7


def test_advise_budget_is_in_minutes(planned: Asked) -> None:
    """It is no part of the plan: more may be given when a run is resumed."""
    asked_for = [planned(*ASKED, *words) for words in ((), ("--budget", "2"))]
    assert [seconds for _, seconds in asked_for] == [28.0, 120.0]
    assert len({repr(plan) for plan, _ in asked_for}) == 1


def test_advise_undecided_exits_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, whatever is known of other sizes."""
    by_default = [
        replace(row, waited=0.9) if row.problem == SHAPE else row for row in advice_rows()
    ]
    for kept, code in ((advice_rows(), 0), (by_default, 3)):
        judged = answer_run(read_run(keep(tmp_path / str(code), ADVICE, kept)))
        monkeypatch.setattr(run_study, "run_study", lambda *_, judged=judged: judged)
        assert (app([*ASKED, "--json"], standalone_mode=False) or 0) == code
        document = json.loads(capsys.readouterr().out)
        assert document["changes"][0]["crossovers"][0]["decided"]
        assert document["decided"] == ("no" if code else "yes")
        # The answer of `perceptron.fastest`, and what else the rows tell.
        assert {*Advice.__struct_fields__, "measured_at"} - {"measured"} < set(document)
        assert set(Candidate.__struct_fields__) < set(document["candidates"][0])
        assert judged.answer.verdicts[0].decided == ("no" if code else "yes")
        assert bool(judged.answer.next) == (code == 0)
