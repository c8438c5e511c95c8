from __future__ import annotations

from pathlib import Path

import pytest

from perceptron.questions.answering import collect
from perceptron.questions.crossover import judge
from perceptron.records.measurement import Measurement
from perceptron.statistics.once import judging_once, once
from tests.conftest import MakeRow
from tests.made import BENCH, keep, line


def test_the_same_rows_are_judged_once(row: MakeRow) -> None:
    """Whatever list holds them; equal rows are others, and so is another question."""
    asked = []

    @once
    def judge(rows: list[Measurement], question: str) -> list[str]:
        asked.append(question)
        return [question, *(one.backend for one in rows)]

    one, other = row(backend="numpy"), row(backend="torch-cpu")
    with judging_once():
        assert judge([one, other], "a") is judge([one, other], "a")
        assert judge([other, one], "a") == ["a", "torch-cpu", "numpy"]
        assert judge([one, other], "b") == ["b", "numpy", "torch-cpu"]
        assert judge([row(backend="numpy"), other], "a") == ["a", "numpy", "torch-cpu"]
        assert asked == ["a", "a", "b", "a"]
    judge([one, other], "a")
    judge([one, other], "a")
    assert len(asked) == 6


def test_a_list_that_is_emptied_later_answers_for_no_other_rows(row: MakeRow) -> None:
    """Python gives their places, which tell rows apart, to the next ones that are made."""

    @once
    def judge(rows: list[Measurement]) -> list[str]:
        return [one.backend for one in rows]

    rows: list[Measurement] = []
    with judging_once():
        for name in map(str, range(100)):
            rows.append(row(backend=name))
            assert judge(rows) == [name]
            rows.clear()


def test_a_run_is_judged_once_for_its_answer_and_for_the_page_of_sweeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a million rows each judgement takes twenty seconds."""
    judged: list[tuple[str, str]] = []
    judge_pair = judge._judge

    def noted(nothing: judge.Crossover, *others: object) -> judge.Crossover:
        judged.append((nothing.incumbent, nothing.challenger))
        return judge_pair(nothing, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(judge, "_judge", noted)
    rows = line("mlp-width", ("numpy", "torch-cpu"), sizes=[4, 8, 16], processes=3)
    keep(tmp_path, BENCH | {"families": ["mlp-width"]}, rows)
    collection = collect(tmp_path)
    assert collection.sweeps
    assert collection.studies["bench"]
    assert judged == [("numpy", "torch-cpu")]
