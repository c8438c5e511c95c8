from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.analysis.race.result import RaceResult
from perceptron.analysis.stored.runs import judge_race
from perceptron.records.race import RaceRow
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables.race import COLUMNS, cells, notes, sentence, sentences, show
from tests.made import RACE, keep_race, race_row, race_rows


def judged(results: Path, rows: list[RaceRow], **plan: object) -> RaceResult:
    return judge_race(read_run(keep_race(results, rows, plan=RACE | plan)))


def test_the_sentence_names_the_first_and_what_holds_the_others_up(tmp_path: Path) -> None:
    """The example of the issue, with other numbers."""
    result = judged(tmp_path, race_rows())
    assert sentence(result, "fresh") == (
        "From a fresh process, numpy is there first: 403 [400, 405] ms, of which 250 ms is to "
        "start Python; torch-cpu 2.52 [2.45, 2.57] s, of which 2.06 s is to start Python and "
        "import torch."
    )
    assert sentence(result, "resident") == (
        "Resident, where only training counts, numpy is there first: 103 [100, 105] ms; "
        "torch-cpu 412 [400, 420] ms."
    )


def test_where_intervals_overlap_it_is_not_sure_who_is_first(tmp_path: Path) -> None:
    rows = [
        race_row(seed, name, train=0.1 + 0.01 * ((seed + shift) % 7))
        for seed in range(7)
        for name, shift in (("numpy", 0), ("torch-cpu", 3))
    ]
    words = sentence(judged(tmp_path, rows), "resident")
    assert "it is not sure who is there first: numpy 130 [100, 150] ms or torch-cpu 130" in words


def test_who_does_not_get_there_is_told_with_its_seeds(tmp_path: Path) -> None:
    late = [race_row(seed, "torch-cpu", accuracies=(0.5,)) for seed in range(6)]
    late.append(race_row(6, "torch-cpu"))
    rows = [race_row(seed) for seed in range(7)]
    result = judged(tmp_path, [*rows, *late])
    assert sentence(result, "resident").endswith("; torch-cpu got there with 1 of 7 seeds.")
    table = {row[0]: row for row in cells(result, "resident")}
    assert table["torch-cpu"][2:5] == ("fewer than half got there", "–", "1 of 7")


def test_if_nobody_gets_there_that_is_the_sentence(tmp_path: Path) -> None:
    result = judged(tmp_path, [race_row(seed, accuracies=(0.5,)) for seed in range(7)])
    assert not result.is_decided
    assert sentence(result, "fresh") == (
        "From a fresh process, no backend gets to accuracy=0.95 with half of its seeds within 30 "
        "epochs: numpy got there with 0 of 7 seeds."
    )


def test_dtypes_are_named_where_there_are_several(tmp_path: Path) -> None:
    rows = [race_row(seed, dtype=dtype) for seed in range(7) for dtype in ("float32", "float64")]
    result = judged(tmp_path, rows, dtypes=["float32", "float64"])
    assert "numpy float32 100" in sentence(result, "resident")


def test_the_table_has_a_row_for_everybody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fastest first, and those that did not race with their reason."""
    result = judged(tmp_path, race_rows())
    rows = cells(result, "fresh")
    assert [row[0] for row in rows] == ["numpy", "torch-cpu", "torch-cuda"]
    assert all(len(row) == len(COLUMNS) for row in rows)
    assert rows[2][2] == "not measured: no CUDA device found"
    assert rows[0][3:] == ("3.00", "7 of 7", "250 ms", "50.0 ms", "103 ms")
    assert cells(result, "resident")[0][5:7] == ("–", "–")
    show(result)
    printed = capsys.readouterr().out
    assert all(line in printed for line in (*sentences(result), *notes(result)))


def test_what_was_found_on_disk_is_said(tmp_path: Path) -> None:
    result = judged(tmp_path, [race_row(seed, prepared_from_cache=seed > 0) for seed in range(7)])
    assert cells(result, "fresh")[0][6] == "50.0 ms (cached)"
    assert result.runs[0] == replace(result.runs[0], prepared_from_cache=True)
