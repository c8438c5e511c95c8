"""Each run of a fleet answers its own question, in the words of the commands."""

from __future__ import annotations

from pathlib import Path

from perceptron.records.fleet import Collected, CollectedRun
from perceptron.report.fleet_answers import answers
from tests.made import (
    BENCH,
    LADDER,
    MAP,
    bench_rows,
    keep,
    keep_race,
    ladder_rows,
    line,
    map_rows,
    race_rows,
)


def collected(*runs: Path) -> Collected:
    return Collected(
        runs=[CollectedRun(folder=str(run), machine="box", rows=1, added=1) for run in runs],
        complaints=[],
    )


def test_every_study_says_what_it_found(tmp_path: Path) -> None:
    """A run that is not finished says what it has; its intervals say how sure that is."""
    crossover = {"study": "crossover", "threads": [2]}
    runs = [
        keep(tmp_path, BENCH, bench_rows()),
        keep(tmp_path, crossover, line(), started="2026-01-01T01:00:00Z", finished=False),
        keep(tmp_path, MAP, map_rows(), started="2026-01-01T02:00:00Z"),
        keep(tmp_path, LADDER, ladder_rows(), started="2026-01-01T03:00:00Z"),
    ]
    bench, search, phase_map, ladder = answers(collected(*runs))
    assert bench.answers[0].startswith("10,000 iterations on the OR gate: numpy-published")
    pair = "mlp-width, numpy or torch-cpu: torch-cpu from "
    assert [one for one in bench.answers if one.startswith(pair)]
    assert [one[: len(pair)] for one in search.answers] == [pair]
    assert "of the map" in phase_map.answers[0]
    assert ladder.answers[0].startswith("or-gate: torch-cpu")
    assert [one.study for one in (bench, search, phase_map, ladder)] == [
        *("bench", "crossover", "map", "overhead")
    ]


def test_a_race_says_who_is_first(tmp_path: Path) -> None:
    """From both starts."""
    (answer,) = answers(collected(keep_race(tmp_path, race_rows())))
    assert (answer.study, len(answer.answers)) == ("race", 2)
    assert all("numpy is there first" in line for line in answer.answers)


def test_a_run_that_cannot_be_judged_says_so_and_one_without_rows_nothing(tmp_path: Path) -> None:
    run = keep(tmp_path, {"study": "map"}, map_rows())
    empty = Collected(
        runs=[CollectedRun(folder=str(run), machine="box", rows=0, added=0)], complaints=[]
    )
    assert answers(empty) == []
    [answer] = answers(collected(run))
    assert answer.answers[0].startswith("cannot be judged: ")
    (run / "run.json").write_text("{")
    [answer] = answers(collected(run))
    assert "run.json" in answer.answers[0]
