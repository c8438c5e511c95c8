from __future__ import annotations

import re
from pathlib import Path

from msgspec.structs import replace

from perceptron.analysis.stored.runs import judge_crossovers
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.newest_runs import SEVERAL_PAIRS
from perceptron.report.process_blocks import SEARCHED, in_short, process_blocks
from perceptron.studies.crossover import CrossoverPlan
from perceptron.studies.shared.opening import plain
from perceptron.studies.shared.over_processes import pairs_between
from tests.made import SEVERAL, keep, several_rows


def test_the_search_that_is_shown_is_the_one_that_its_command_makes() -> None:
    """Its plan is known again by its families and pairs."""
    words = SEARCHED.split()
    assert words[:2] == ["crossover", "--family"]
    assert words[3:] == ["--processes", "1,2"]
    families = tuple(words[2].split(","))
    plan = plain(CrossoverPlan(families=families, pairs=pairs_between((1, 2)), threads=(2,)))
    assert plan.items() >= {key: SEVERAL[key] for key in ("families", "pairs")}.items()


def test_each_family_says_from_which_size_up_a_second_process_pays(tmp_path: Path) -> None:
    """With its interval; the table has every pair, and says what was not measured and where."""
    judged = judge_crossovers(read_run(keep(tmp_path, SEVERAL, several_rows())))
    assert {(one.incumbent, one.challenger) for one in judged.crossovers} == set(SEVERAL_PAIRS)
    short = in_short(judged)
    assert short.count("2 processes (torch-ddp@2) from") == 2
    assert "mlp-width: 2 processes (torch-ddp@2) from" in short
    assert "mlp-batch: 2 processes (torch-ddp@2) from a batch of" in short
    block = process_blocks(judged)["processes"]
    assert (
        "| `mlp-width` | torch-ddp → torch-ddp@2 | crosses | 2 processes (torch-ddp@2) from"
        in block
    )
    assert "| torch-cpu → torch-ddp | tie, not sure | neither" in block
    assert "2 threads in all" in block
    assert str(judged.results) in block


def test_without_such_a_search_its_command_is_named() -> None:
    assert process_blocks(None) == {"processes": f"Not measured yet: `perceptron {SEARCHED}` does."}


def test_the_answer_in_short_says_its_doubt(tmp_path: Path) -> None:
    """Where it is not sure, and how disturbed the samples there were; nothing where it is sure."""
    rows = several_rows()
    last = max(row.size for row in rows)
    unsure = [
        replace(
            row,
            seconds=1e-4 * (0.7 + 0.6 * (row.process % 2) if row.backend == "torch-cpu" else 1.0),
            samples=[1e-4] * 3,
            disturbed=2,
            waited=0.0,
        )
        if row.size == last and row.family == "mlp-width"
        else row
        for row in rows
    ]
    batch, width = in_short(judge_crossovers(read_run(keep(tmp_path, SEVERAL, unsure)))).split(
        "; mlp-width: "
    )
    assert re.search(rf"\(not sure [^)]*\b{last:,}, 40 % of samples disturbed\)$", width)
    assert "disturbed" not in batch
