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
from tests.conftest import Perceptron
from tests.made import ADVICE, advice_rows, keep

SHAPE = ("advise", "--rows", "1000", "--features", "20", "--hidden", "64")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*SHAPE, "--epochs", "5", "--iterations", "9"), "give --iterations or --epochs, not both"),
        ((*SHAPE, "--epochs", "0"), "Invalid value for '--epochs'"),
        ((*SHAPE, "--batch", "0"), "Invalid value for '--batch'"),
        ((*SHAPE, "--batch", "1001"), "--batch: 1001 is not between 1 and the 1000 of --rows"),
        ((*SHAPE, "--classes", "1"), "Invalid value for '--classes'"),
        ((*SHAPE, "--classes", "2000"), "--classes: 2000 is not between 2 and the 1000 of --rows"),
        ((*SHAPE, "--optimizer", "adma"), "unknown --optimizer 'adma': did you mean 'adam'?"),
        ((*SHAPE, "--batch", "8", "--feed", "hots"), "unknown --feed 'hots': did you mean 'host'?"),
        ((*SHAPE, "--feed", "host"), "--feed: host is for batches: give --batch"),
        (
            ("advise", "--problem", "digits", "--batch", "64"),
            "give --batch, which describes a shape, or --problem, not both",
        ),
        (
            ("advise", "--problem", "digits", "--models", "64"),
            "give --models, which describes a shape, or --problem, not both",
        ),
        ((*SHAPE, "--models", "0"), "Invalid value for '--models'"),
        (("advise", "--batch", "64"), "give --rows and --features"),
        (
            (*SHAPE, "--batch", "8", "--feed", "host", "--what-if", "h100"),
            "--what-if: mlp:1000x20x64:8b:host has its batches from the host",
        ),
    ],
)
def test_a_mistake_is_one_line(here: Perceptron, arguments: tuple[str, ...], message: str) -> None:
    process = here(*arguments)
    assert process.returncode == 2
    (line,) = process.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


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


def test_without_options_the_training_is_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(monkeypatch, *SHAPE)
    assert plan.problem.name == "mlp:1000x20x64"
    assert (plan.length.iterations, plan.length.epochs) == (10_000, None)


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
