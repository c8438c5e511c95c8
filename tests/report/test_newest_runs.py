from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from perceptron.errors import UserError
from perceptron.report import newest_runs
from perceptron.report.newest_runs import newest_bench, newest_ladder, newest_map, shown_runs
from tests.made import ADVICE, LADDER, MAP, advice_rows, everything, keep, ladder_rows, map_rows


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A whole run, a map and a ladder of the OR gate."""
    results = everything(tmp_path / "results")
    for file in results.glob("runs/*/*/run.json"):
        document = json.loads(file.read_text())
        document["plan"] |= {"whole": True} if document["plan"]["study"] == "bench" else {}
        file.write_text(json.dumps(document))
    return results


def test_no_run_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`perceptron bench` makes one"):
        newest_bench(tmp_path)
    with pytest.raises(UserError, match="`perceptron map` makes one"):
        newest_map(tmp_path)
    with pytest.raises(UserError, match="`perceptron overhead` makes one"):
        newest_ladder(tmp_path)


def test_a_map_and_a_ladder_of_something_else_are_not_the_default_s(results: Path) -> None:
    """However new they are; those of batches are there by themselves."""
    assert shown_runs(results).batches is None
    keep(
        results,
        MAP | {"family": "batch-width", "axes": ["batch", "width"]},
        map_rows("batch-width"),
        started="2026-02-01T00:00:00Z",
    )
    digits = LADDER | {"problem": "digits"}
    keep(results, digits, ladder_rows("digits"), started="2026-02-02T00:00:00Z")
    runs = shown_runs(results)
    assert runs.phase_map.map.family == "mlp-map"
    assert runs.ladder.problem == "or-gate"
    assert runs.batches is not None
    assert runs.batches.problem == "digits"


def test_advice_is_shown_as_soon_as_there_is_some(results: Path) -> None:
    """By the newest finished run of the same machine, its folder relative to the repository."""
    assert shown_runs(results).advice is None
    keep(results, ADVICE, advice_rows(), started="2026-02-01T00:00:00Z", finished=False)
    keep(
        results, ADVICE, advice_rows(), started="2026-02-02T00:00:00Z", machine="far", folder="far"
    )
    assert shown_runs(results).advice is None
    keep(results, ADVICE, advice_rows(), started="2026-02-03T00:00:00Z")
    result = shown_runs(results).advice
    assert result is not None
    assert result.advice.use == "numpy"
    assert result.results == Path("results/runs/box/2026-02-03T000000Z")


def test_all_are_of_the_machine_of_the_whole_run(results_of_record: Path, tmp_path: Path) -> None:
    """A map that was measured elsewhere since is of another story."""
    results = tmp_path / "results"
    shutil.copytree(results_of_record, results)
    before = shown_runs(results)
    for run in (before.phase_map.results, before.ladder.results):
        elsewhere = results / "runs" / "elsewhere"
        shutil.copytree(tmp_path / run, elsewhere / f"{run.name}-later")
        for file in (tmp_path / run).parent.glob("environment-*.json"):
            shutil.copy(file, elsewhere)
        file = elsewhere / f"{run.name}-later" / "run.json"
        later = {"machine": "elsewhere", "started": "2999-01-01T00:00:00Z"}
        file.write_text(json.dumps(json.loads(file.read_text()) | later))
    assert newest_runs.newest_map(results).results == before.phase_map.results
    assert newest_runs.newest_ladder(results).results == before.ladder.results
    assert newest_bench(results).machine == before.bench.machine
