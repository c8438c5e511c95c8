from __future__ import annotations

from pathlib import Path

from perceptron.analysis.stored.collection import collect
from perceptron.report.charts import plot
from perceptron.report.charts.palette import strokes
from perceptron.report.dashboard.races import race_views
from perceptron.report.dashboard.view import Views
from tests.made import RACE, keep_race, race_row, race_rows

NAMES = ("numpy", "torch-cpu", "torch-cuda")


def shown(results: Path) -> Views:
    return race_views(collect(results), plot.looks(strokes(NAMES)))


def test_the_newest_race_of_a_problem_and_target_is_shown(tmp_path: Path) -> None:
    """Another target, or a race that is not over, stands in nobody's way."""
    keep_race(tmp_path, race_rows(3))
    keep_race(tmp_path, race_rows(5), started="2026-01-02T00:00:00Z")
    keep_race(tmp_path, race_rows(7), started="2026-01-03T00:00:00Z", finished=False)
    other = RACE | {"target": "loss=0.2"}
    keep_race(tmp_path, race_rows(4), plan=other, started="2026-01-01T05:00:00Z")
    assert [race.runs[0].seeds for race in collect(tmp_path).races] == [5, 4]


def test_rows_of_another_definition_or_code_are_not_compared(tmp_path: Path) -> None:
    strange = [
        race_row(7, problem_digest="other"),
        race_row(8, code="other"),
        race_row(9, threads=4),
    ]
    keep_race(tmp_path, [*strange, *race_rows()])
    (race,) = collect(tmp_path).races
    assert {row.seed for row in race.rows} == set(range(7))
