from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from perceptron.analysis.race.result import RaceResult
from perceptron.analysis.stored.runs import judge_race
from perceptron.records.race import RaceRow
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables.race import cells, sentence
from tests.made import RACE, keep_race, race_row


def judged(results: Path, rows: list[RaceRow], **plan: object) -> RaceResult:
    return judge_race(read_run(keep_race(results, rows, plan=RACE | plan)))


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


def test_what_was_found_on_disk_is_said(tmp_path: Path) -> None:
    result = judged(tmp_path, [race_row(seed, prepared_from_cache=seed > 0) for seed in range(7)])
    assert cells(result, "fresh")[0][6] == "50.0 ms (cached)"
    assert result.runs[0] == replace(result.runs[0], prepared_from_cache=True)
