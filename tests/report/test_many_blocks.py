from __future__ import annotations

import re
from pathlib import Path

from msgspec.structs import replace

from perceptron.analysis.crossover.result import CrossoverResult
from perceptron.analysis.stored.bench import BenchResult
from perceptron.analysis.stored.finding import FindingRow
from perceptron.analysis.stored.runs import judge_crossovers
from perceptron.analysis.what_if.estimate import EAGER, CaseStatuses, WhatIf
from perceptron.problems.families import FAMILIES
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.many_blocks import SEARCHED, many_blocks
from perceptron.report.newest_runs import MANY_FAMILIES
from perceptron.studies.crossover import CrossoverPlan
from perceptron.studies.shared.opening import plain
from tests.made import BACKENDS, FACTS, MANY, keep, many_rows

GUESS = WhatIf(
    family="many-or-gates",
    incumbent="numpy",
    challenger=EAGER,
    device="h100",
    status="crosses",
    statuses=CaseStatuses(likely="crosses", best="crosses", worst="crosses"),
    size=300.0,
    low=100.0,
    high=900.0,
    estimates=[],
    source="a datasheet",
)


FINDING = BenchResult(
    machine="box",
    results=Path("results/box"),
    environment=FACTS,
    threads=[2],
    rows=[],
    finding=[FindingRow(backend=name, dtype="float32") for name in BACKENDS],
    crossovers=[],
    warnings=[],
)


def judged(folder: Path) -> CrossoverResult:
    return judge_crossovers(read_run(keep(folder, MANY, many_rows())))


def test_the_searches_that_are_shown_are_those_that_their_commands_make() -> None:
    """Their plans are known again by their families, which vary the number of models."""
    for command, family in zip(SEARCHED, MANY_FAMILIES, strict=True):
        words = command.split()
        assert words[:2] == ["crossover", "--family"]
        plan = plain(CrossoverPlan(families=tuple(words[2].split(",")), threads=(2,)))
        assert plan["families"] == [family]
        assert FAMILIES[family].axes == ("models",)


def test_the_finding_ends_with_how_many_models_change_it(tmp_path: Path) -> None:
    """With intervals; what was not measured is said to be so."""
    text = many_blocks([judged(tmp_path)], {}, FINDING)["many"]
    assert re.search(
        r"^…unless you train many: from 5 \[\d, \d\] models on numpy trains all at once faster "
        r"than one by one \(not sure [^)]+\); whether torch-cpu trains all at once faster than one "
        r"by one was not measured; from (19|20)\d \[\d+, \d+\] models on torch-cpu is faster than "
        r"numpy \(not sure [^)]+\); no GPU was measured\. Rows in `",
        text,
    )


def test_a_gpu_that_is_not_here_is_estimated_and_called_so(tmp_path: Path) -> None:
    blocks = many_blocks([replace(judged(tmp_path), what_if=[GUESS])], {}, FINDING)
    words = (
        "y an estimate [best, worst case] one (h100) would be faster than numpy: torch-cuda from "
    )
    assert f"no GPU was measured, and b{words}300 [100, 900] models on. Rows" in blocks["many"]
    assert f"\nB{words}300 [100, 900] models on." in blocks["many-in-full"]
    always = CaseStatuses(likely="always", best="always", worst="always")
    sure = replace(GUESS, status="always", statuses=always, size=None)
    text = many_blocks([replace(judged(tmp_path / "b"), what_if=[sure])], {}, FINDING)["many"]
    assert "than numpy: torch-cuda at every size. Rows" in text


def test_a_gpu_that_was_measured_stands_before_an_estimate(tmp_path: Path) -> None:
    plan = MANY | {"pairs": [["numpy", "torch-cuda"]]}
    rows = [
        replace(row, backend={"torch-cpu": "torch-cuda"}.get(row.backend, row.backend))
        for row in many_rows()
    ]
    on_gpu = judge_crossovers(read_run(keep(tmp_path / "gpu", plan, rows)))
    own = replace(judged(tmp_path), what_if=[GUESS])
    text = many_blocks([own], {"Slide Rule 9000": [on_gpu]}, FINDING)["many"]
    assert "models on a GPU (Slide Rule 9000) is faster than numpy" in text
    assert "estimate" not in text


def test_the_tables_have_every_pair_and_the_time_of_one_model(tmp_path: Path) -> None:
    block = many_blocks([judged(tmp_path)], {}, FINDING)["many-in-full"]
    assert (
        "| `many-or-gates` | numpy-one-by-one → numpy | crosses, not sure | numpy from 4." in block
    )
    assert "| models | numpy | numpy-one-by-one | torch-cpu |" in block
    assert "\n| 1,024 | " in block
    assert "2 threads in all" in block


def test_a_turn_that_is_none_is_told_as_it_is(tmp_path: Path) -> None:
    """What always or never wins has no number of models to name."""
    rows = [
        replace(row, seconds=(row.seconds or 0) * 1e3) if row.backend == "torch-cpu" else row
        for row in many_rows()
    ]
    text = many_blocks([judge_crossovers(read_run(keep(tmp_path, MANY, rows)))], {}, FINDING)[
        "many"
    ]
    assert "numpy stays faster than torch-cpu at every number of models" in text
    without = [row for row in rows if row.backend in BACKENDS[:1]]
    text = many_blocks(
        [judge_crossovers(read_run(keep(tmp_path / "b", MANY, without)))], {}, FINDING
    )["many"]
    assert "whether numpy trains all at once faster than one by one was not measured" in text


def test_all_at_once_may_win_as_soon_as_there_are_several(tmp_path: Path) -> None:
    """One model at once is the same training as one by one: the first to tell are the next."""
    rows = [
        replace(row, seconds=(row.seconds or 0) / (5 if row.size > 1 else 4.1))
        if row.backend == "numpy"
        else row
        for row in many_rows()
    ]
    text = many_blocks([judge_crossovers(read_run(keep(tmp_path, MANY, rows)))], {}, FINDING)[
        "many"
    ]
    assert "many: from at most 4 models on numpy trains all at once faster than one by one;" in text


def test_each_backend_has_its_own_number(tmp_path: Path) -> None:
    """What pays for NumPy from few models on pays for PyTorch from others."""
    slow = [
        replace(row, backend="torch-cpu-one-by-one", seconds=1e-5 * row.size)
        for row in many_rows()
        if row.backend == "numpy-one-by-one"
    ]
    plan = MANY | {"pairs": [*MANY["pairs"], ["torch-cpu-one-by-one", "torch-cpu"]]}
    found = judge_crossovers(read_run(keep(tmp_path, plan, [*many_rows(), *slow])))
    text = many_blocks([found], {}, FINDING)["many"]
    assert re.search(r"from 5 \[\d+, \d+\] models on numpy trains all at once faster", text)
    assert re.search(r"from 1\d \[\d+, \d+\] models on torch-cpu trains all at once faster", text)


def test_another_machine_and_dtype_than_the_finding_s_are_said(tmp_path: Path) -> None:
    """In words: the sentence stands below a finding that was measured elsewhere."""
    finding = replace(
        FINDING, machine="other", finding=[FindingRow(backend="numpy", dtype="float64")]
    )
    text = many_blocks([judged(tmp_path)], {}, finding)["many"]
    assert (
        "Measured on another machine, `box` (Abacus 3000, 2 cores), in float32 (numpy above in "
        "float64); rows in `"
    ) in text


def test_a_doubt_beyond_where_it_is_surely_faster_is_said(tmp_path: Path) -> None:
    """From 4 models on it is faster at all that were measured, by so little that a gap may hide."""
    one_by_one = {
        (row.size, row.process): row.seconds or 0
        for row in many_rows()
        if row.backend == "numpy-one-by-one"
    }
    rows = [
        replace(
            row,
            seconds=one_by_one[row.size, row.process]
            * (0.85 if row.size > 1 else 1 + 0.01 * (-1) ** row.process),
        )
        if row.backend == "numpy"
        else row
        for row in many_rows()
    ]
    text = many_blocks([judge_crossovers(read_run(keep(tmp_path, MANY, rows)))], {}, FINDING)
    assert "than one by one (not sure from 1 to 1,024);" in text["many"]


def test_what_is_measured_and_undecided_is_not_called_unmeasured(tmp_path: Path) -> None:
    """Its row names the pair: a number of processes beside a backend of that name says nothing."""
    plan = MANY | {"pairs": [["numpy-one-by-one", "processes"], ["numpy", "torch-cuda"]]}
    rows = [
        replace(row, backend="processes", seconds=(row.seconds or 0) * (0.4 + 1.2 * row.process))
        if row.backend == "numpy"
        else row
        for row in many_rows()
        if row.backend != "torch-cpu" and row.process < 2
    ]
    found = judge_crossovers(read_run(keep(tmp_path, plan, rows)))
    assert {one.status for one in found.crossovers} == {"not measured", "undecided"}
    block = many_blocks([found], {}, FINDING)["many-in-full"]
    assert (
        "| numpy-one-by-one → processes | undecided | undecided between numpy-one-by-one and "
        "processes (2 fresh processes are too few"
    ) in block
    assert "Not measured: 2" not in block
    assert "\nNot measured: numpy: no times.\n" in block


def test_without_such_a_search_its_command_is_named() -> None:
    blocks = many_blocks([], {}, FINDING)
    assert blocks["many"].startswith("…unless you train many: ")
    assert all(f"`perceptron {SEARCHED[0]}`" in block for block in blocks.values())
    assert f"`perceptron {SEARCHED[1]}`" in blocks["many-in-full"]
