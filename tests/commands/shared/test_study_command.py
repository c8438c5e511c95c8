"""The exit code of a command that measures: whether every question that was asked is decided."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.answer import Decided, Verdict
from perceptron.cli import app
from perceptron.questions import run_study
from perceptron.questions.answering import answer_run
from perceptron.records.readers.stored_runs import read_run
from tests.made import ADVICE, advice_rows, keep


@pytest.mark.parametrize(
    ("decided", "aside", "is_cut", "code"),
    [
        (("yes", "partly"), (), False, 0),
        (("yes", "no"), (), False, 3),
        (("no", "no"), (), False, 3),
        (("yes",), ("no",), False, 0),
        (("yes",), (), True, 3),
        ((), (), False, 3),
    ],
)
def test_study_command_open_question_is_inconclusive(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    decided: tuple[Decided, ...],
    aside: tuple[Decided, ...],
    is_cut: bool,
    code: int,
) -> None:
    """Whatever else is decided; what is told beside the answer was not asked for."""
    judged = answer_run(read_run(keep(tmp_path, ADVICE, advice_rows())))
    verdicts = [
        Verdict(
            subject="one", decided=decision, sentence="so it is", is_aside=index >= len(decided)
        )
        for index, decision in enumerate((*decided, *aside))
    ]
    answer = replace(judged.answer, verdicts=tuple(verdicts), is_cut=is_cut)
    monkeypatch.setattr(run_study, "run_study", lambda *_: replace(judged, answer=answer))
    arguments = ("advise", "--rows", "1000", "--features", "20", "--hidden", "64", "--html", "")
    assert (app(list(arguments), standalone_mode=False) or 0) == code
