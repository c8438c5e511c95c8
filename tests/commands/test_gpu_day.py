"""`perceptron gpu-day`: the plan, the day and its archive, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.studies.gpu_day import day, plan
from perceptron.studies.gpu_day.stage import Command, Stage
from tests.conftest import Perceptron


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A short day: a stage that leaves a row, and one that fails."""
    code = "import pathlib, sys; f = pathlib.Path(sys.argv[1]); f.mkdir(parents=True); "
    code += "(f / 'measurements.jsonl').write_text('{}\\n')"
    good = Command(("-c", code, str(tmp_path / "out/runs/box/one")))
    bad = Command(("-c", "import sys; sys.exit('error: no luck')"))
    made = (
        Stage(1, "good", "whether it works", 100.0, lambda _day, _seconds: [good]),
        Stage(2, "bad", "whether it fails", 100.0, lambda _day, _seconds: [bad]),
    )
    monkeypatch.setattr(plan, "STAGES", made)
    monkeypatch.setattr(day, "gpu_states", list)


@pytest.mark.usefixtures("stages")
def test_a_day_is_run_packed_resumed_and_unpacked(here: Perceptron, tmp_path: Path) -> None:
    """1 where a stage failed, 0 where all that could run did; one document each."""
    options = ("gpu-day", "--results", "out", "--machine", "box", "--json")
    done = here(*options)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert [(one["outcome"], one["rows"]) for one in document["stages"]] == [
        ("ok", 1),
        ("failed", 0),
    ]
    assert document["stages"][1]["reason"] == "no luck"
    assert "whether it works" in done.stderr
    archive = document["packed"]["archive"]
    assert Path(archive).stat().st_size == document["packed"]["bytes"]
    # A folder that is made a second time would fail.
    resumed = here("gpu-day", "--results", "out", "--machine", "box", "--stage", "2")
    assert (resumed.returncode, "failed: no luck" in resumed.stdout) == (1, True)
    assert "whether it works" not in resumed.stderr
    unpacked = here("gpu-day", "--unpack", archive, "--results", "home", "--json")
    assert json.loads(unpacked.stdout) == {"unpacked": ["runs/box/one"], "results": "home"}
    assert (tmp_path / "home/runs/box/one/measurements.jsonl").read_text() == "{}\n"
    told = here("gpu-day", "--unpack", archive, "--results", "home")
    assert (told.returncode, told.stdout) == (0, "home/runs/box/one\n")
    both = here("gpu-day", "--unpack", archive, "--results", "home", "--stage", "1")
    assert both.returncode == 2
    assert "--unpack takes no other options" in both.stderr


@pytest.mark.usefixtures("stages")
def test_all_is_well_where_what_could_run_did(here: Perceptron) -> None:
    done = here("gpu-day", "--results", "out", "--stage", "1", "--archive", "elsewhere.tar.gz")
    assert done.returncode == 0
    assert "bring home:  elsewhere.tar.gz" in done.stdout
    assert Path("elsewhere.tar.gz").exists()


def test_the_plan_is_shown_without_running_anything(here: Perceptron, tmp_path: Path) -> None:
    done = here("gpu-day", "--plan", "--stage", "2-3")
    assert (done.returncode, "finding" in done.stdout) == (0, True)
    document = json.loads(here("gpu-day", "--plan", "--json").stdout)
    assert [one["number"] for one in document["plan"]] == [one.number for one in plan.STAGES]
    assert list(tmp_path.iterdir()) == []
