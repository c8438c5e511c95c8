from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.analysis.stored.runs import judge_advice, judge_crossovers
from perceptron.errors import UserError
from perceptron.records.readers.stored_runs import read_run
from perceptron.report import many_blocks
from perceptron.report.answers import ADVISED, answers, table_lines
from perceptron.report.newest_runs import shown_runs
from perceptron.report.process_blocks import SEARCHED
from tests.made import ADVICE, MANY, SEVERAL, advice_rows, keep, many_rows, several_rows

PROOF = "| target | met | reached [95 % interval] | of |\n|---|---|---|---|\n"
TRUTH = "| worlds | number | wrong, sure | interval right |\n|---|---|---|---|\n"


def table(results: Path, folder: Path) -> str:
    return answers(shown_runs(results), "mlp-width", folder / "gate-proof.md", folder / "truth.md")


def test_every_question_has_a_command_and_an_answer(
    results_of_record: Path, tmp_path: Path
) -> None:
    """The gate is summed up by its first target and the first slowdown that it found."""
    (tmp_path / "gate-proof.md").write_text(
        f"# Proof\n\n{PROOF}| no alarm | yes | 0 % | 200 |\n| nothing busy | yes | 1 % | 40 |\n"
        "| 5 % slowdowns found | yes | 99 % | 7 |\n"
    )
    (tmp_path / "truth.md").write_text(f"# Truth\n\n{TRUTH}| all | 2,000 | 0 | 95 % |\n")
    head, rule, *rows = (
        line.strip("| ").split(" | ") for line in table(results_of_record, tmp_path).splitlines()
    )
    assert rule == ["|".join(["---"] * len(head))]
    assert len({question for question, _, _ in rows}) == len(rows)
    assert all(command.startswith("`perceptron ") and answer for _, command, answer in rows)
    answered = {command: answer for _, command, answer in rows}
    assert answered["`perceptron compare main .`"] == (
        "no alarm: 0 % of 200; 5 % slowdowns found: 99 % of 7"
    )
    assert answered["`perceptron truth`"].startswith("in 2,000 simulated worlds 0 answers were")
    assert "times as long as numpy" in answered["`perceptron bench`"]


def test_a_shape_has_an_answer_once_advice_is_of_record(
    results_of_record: Path, tmp_path: Path
) -> None:
    """The command of the row is the one whose answer it shows; what could not run is left out."""
    (tmp_path / "gate-proof.md").write_text(
        f"{PROOF}| no alarm | yes | 0 % | 200 |\n| 5 % slowdowns found | yes | 99 % | 7 |\n"
    )
    (tmp_path / "truth.md").write_text(f"{TRUTH}| all | 2,000 | 0 | 95 % |\n")
    runs = shown_runs(results_of_record)
    judged = judge_advice(read_run(keep(tmp_path, ADVICE, advice_rows())))
    pages = (tmp_path / "gate-proof.md", tmp_path / "truth.md")
    without = answers(replace(runs, advice=None), "mlp-width", *pages).splitlines()
    rows = answers(replace(runs, advice=judged), "mlp-width", *pages).splitlines()
    (row,) = set(rows) - set(without)
    assert f"`perceptron advise {ADVISED}`" in row
    assert "Use numpy: " in row
    assert "for 5 epochs from cold" in row
    assert "torch-cuda" not in row


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("# Nothing yet\n", "holds no table; `make proof` writes it again"),
        ("| target |\n|---|\n| a |\n", "its first table has no column 'reached"),
        (PROOF, "its first table has no rows; `make proof` writes it again"),
    ],
)
def test_a_page_without_its_table_is_named_with_the_command_that_writes_it(
    results_of_record: Path, tmp_path: Path, page: str, message: str
) -> None:
    (tmp_path / "gate-proof.md").write_text(page)
    with pytest.raises(UserError, match=message):
        table(results_of_record, tmp_path)


def test_only_the_first_table_of_a_page_counts(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    with pytest.raises(UserError, match="`make it` writes it"):
        table_lines(page, "make it")
    page.write_text("# Title\n\n| a |\n|---|\n| 1 |\n\ntext\n\n| b |\n|---|\n")
    assert table_lines(page, "make it") == ["| a |", "|---|", "| 1 |"]


def test_a_second_process_and_many_models_have_an_answer_once_their_search_is_of_record(
    results_of_record: Path, tmp_path: Path
) -> None:
    """With its interval; without the search there is no such row."""
    (tmp_path / "gate-proof.md").write_text(
        f"{PROOF}| no alarm | yes | 0 % | 200 |\n| 5 % slowdowns found | yes | 99 % | 7 |\n"
    )
    (tmp_path / "truth.md").write_text(f"{TRUTH}| all | 2,000 | 0 | 95 % |\n")
    runs = shown_runs(results_of_record)
    judged = judge_crossovers(read_run(keep(tmp_path, SEVERAL, several_rows())))
    pages = (tmp_path / "gate-proof.md", tmp_path / "truth.md")
    without = answers(replace(runs, processes=None), "mlp-width", *pages).splitlines()
    rows = answers(replace(runs, processes=judged), "mlp-width", *pages).splitlines()
    (row,) = set(rows) - set(without)
    assert f"`perceptron {SEARCHED}`" in row
    assert "mlp-width: 2 processes (torch-ddp@2) from" in row
    many = judge_crossovers(read_run(keep(tmp_path / "many", MANY, many_rows())))
    rows = answers(replace(runs, processes=None, many=[many]), "mlp-width", *pages).splitlines()
    (row,) = set(rows) - set(without)
    assert f"`perceptron {many_blocks.SEARCHED[0]}`" in row
    assert "models on numpy trains all at once faster than one by one" in row
