"""The lines of jobs, in a log and in a terminal, and what each run says at the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from perceptron.questions.answering import judges
from perceptron.records.fleet import Collected, CollectedRun, FleetStatus, JobState, JobStatus
from perceptron.report.tables import fleet
from tests.made import LADDER, MAP, keep, keep_race, ladder_rows, line, map_rows, race_rows


def status(*jobs: JobStatus) -> FleetStatus:
    return FleetStatus(fleet="abc", command=["bench", "--quick"], folder="f", jobs=list(jobs))


def job(name: str = "a", state: JobState = "running", **fields: object) -> JobStatus:
    return JobStatus(job=name, state=state, results="r", **fields)  # type: ignore[arg-type]


def test_fleet_log_has_a_line_per_state_change(capfd: pytest.CaptureFixture[str]) -> None:
    show = fleet.job_lines()
    show(status(job(state="pending", reason="Slurm: PENDING: Resources"), job("b", rows=1)))
    show(status(job(machine="n1", step="measuring: one"), job("b", rows=2)))
    show(status(job(machine="n1", step="measuring: two"), job("b", "done", rows=3)))
    assert capfd.readouterr().err.splitlines() == [
        "a  pending  0 rows  Slurm: PENDING: Resources",
        "b  running  1 rows",
        "a  n1  running  0 rows  measuring: one",
        "b  done  3 rows",
    ]


def test_fleet_cells_are_printable() -> None:
    """A fleet's folder may have been copied here from anywhere."""
    cells = fleet.cells(job(state="failed", machine="n\n1", reason="\x1b[2Jgone"))
    assert all(cell.isprintable() for cell in cells)
    assert cells[-1].endswith("[2Jgone")


# --- what each run says, in the words of the commands --------------------------------------------


def collected(*runs: Path) -> Collected:
    return Collected(
        runs=[CollectedRun(folder=str(run), machine="box", rows=1, added=1) for run in runs],
        errors=[],
    )


def test_fleet_answers_of_every_study(tmp_path: Path) -> None:
    """A run that is not finished says what it has; its intervals say how sure that is."""
    search = {"study": "crossover", "threads": [2]}
    runs = [
        keep(tmp_path, search, line(), finished=False),
        keep(tmp_path, MAP, map_rows(), started="2026-01-01T02:00:00Z"),
        keep(tmp_path, LADDER, ladder_rows(), started="2026-01-01T03:00:00Z"),
        keep_race(tmp_path, race_rows(), started="2026-01-01T04:00:00Z"),
    ]
    expected = [
        ("crossover", "mlp-width: torch-cpu overtakes numpy at width "),
        ("map", "of the map"),
        ("overhead", "the fastest variant (numba)"),
        ("race", "numpy is first"),
    ]
    for (study, words), run_answer in zip(
        expected, fleet.answers(collected(*runs), judges()), strict=True
    ):
        assert run_answer.study == study
        assert words in run_answer.answers[-1], study
    assert len(run_answer.answers) == 2, "a race is told from both starts"


def test_fleet_unjudgeable_run_says_so(tmp_path: Path) -> None:
    run = keep(tmp_path, {"study": "map"}, map_rows())
    empty = Collected(
        runs=[CollectedRun(folder=str(run), machine="box", rows=0, added=0)], errors=[]
    )
    assert fleet.answers(empty, judges()) == []
    [answer] = fleet.answers(collected(run), judges())
    assert answer.answers[0].startswith("cannot be judged: ")
    (run / "run.json").write_text("{")
    [answer] = fleet.answers(collected(run), judges())
    assert "run.json" in answer.answers[0]


def test_fleet_answers_are_printable(tmp_path: Path) -> None:
    rows = [replace(row, backend="\x1b[2J\n[red]") for row in race_rows()]
    [answer] = fleet.answers(collected(keep_race(tmp_path, rows)), judges())
    assert all(line.isprintable() for line in answer.answers)
