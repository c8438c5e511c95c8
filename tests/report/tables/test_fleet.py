"""The lines of jobs, in a log and in a terminal, and the tables at the end."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from perceptron.analysis.crossover.ranking import FastestOver
from perceptron.records.fleet import FleetStatus, JobState, JobStatus
from perceptron.report.dashboard.machines import fastest_words
from perceptron.report.tables import fleet, terminal


def status(*jobs: JobStatus) -> FleetStatus:
    return FleetStatus(fleet="abc", command=["bench", "--quick"], folder="f", jobs=list(jobs))


def job(name: str = "a", state: JobState = "running", **fields: object) -> JobStatus:
    return JobStatus(job=name, state=state, results="r", **fields)  # type: ignore[arg-type]


def test_a_log_has_a_line_whenever_a_state_changes(capfd: pytest.CaptureFixture[str]) -> None:
    with fleet.job_lines() as show:
        show(status(job(state="pending", reason="Slurm: PENDING: Resources"), job("b", rows=1)))
        show(status(job(machine="n1", step="measuring: one"), job("b", rows=2)))
        show(status(job(machine="n1", step="measuring: two"), job("b", "done", rows=3)))
    assert capfd.readouterr().err.splitlines() == [
        "a  pending  0 rows  Slurm: PENDING: Resources",
        "b  running  1 rows",
        "a  n1  running  0 rows  measuring: one",
        "b  done  3 rows",
    ]


def test_a_terminal_has_one_line_for_each_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much it says, and what looks like markup is shown as it is."""
    monkeypatch.setenv("TERM", "xterm")
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=60, color_system=None)
    monkeypatch.setattr(terminal, "err", console)
    with fleet.job_lines() as show:
        show(status(job("[red]a", machine="n1", step="measuring " * 20), job("b", "done", rows=7)))
    lines = [line for line in screen.getvalue().splitlines() if "rows" in line][:2]
    assert "[red]a" in lines[0]
    assert lines[0].rstrip().endswith("…")
    assert lines[0].split()[1:5] == ["n1", "running", "0", "rows"]
    assert lines[1].split()[:4] == ["b", "done", "7", "rows"]


def test_what_steers_a_terminal_is_not_shown() -> None:
    """A fleet's folder may have been copied here from anywhere."""
    cells = fleet.cells(job(state="failed", machine="n\n1", reason="\x1b[2Jgone"))
    assert all(cell.isprintable() for cell in cells)
    assert cells[-1].endswith("[2Jgone")


def test_the_fastest_over_a_sweep_in_words() -> None:
    parts = [
        FastestOver(4, 64, "numpy", []),
        FastestOver(128, 128, "numpy", ["torch-cpu"]),
        FastestOver(256, 1024, "torch-cpu", []),
    ]
    assert fastest_words(parts, "width") == (
        "numpy at width 4–64; undecided: numpy or torch-cpu at width 128; "
        "torch-cpu at width 256–1,024"
    )
    assert fastest_words(parts[:1], "batch") == "numpy at batch 4–64"
    assert fastest_words([], "width") == "no two backends have a time"
