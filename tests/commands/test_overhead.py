"""`perceptron overhead`: its document, and what it leaves on the pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from perceptron.analysis.stored.runs import judge_ladder
from perceptron.cli import app
from perceptron.records.readers.stored_runs import read_run
from perceptron.report.tables.ladder import ladder_words
from perceptron.studies import overhead as study
from tests.commands.conftest import AMPLE
from tests.conftest import Perceptron
from tests.made import BENCH, LADDER, bench_rows, keep, ladder_rows
from tests.report.reading import data, text_of, views


@pytest.fixture
def answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the study keep made-up rows instead of measuring; the folder that it runs in."""
    monkeypatch.chdir(tmp_path)
    keep(Path("results"), BENCH, bench_rows())

    def overhead(*_: Any) -> Any:
        folder = keep(Path("results"), LADDER, ladder_rows(), started="2026-01-02T00:00:00Z")
        return judge_ladder(read_run(folder))

    monkeypatch.setattr(study, "overhead", overhead)
    return tmp_path


def test_the_page_that_is_named_shows_the_ladder(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Among everything else that is in results/."""
    assert not app(["overhead"], standalone_mode=False)
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("page:"))
    address = urlsplit(line.removeprefix("page:").strip())
    assert address.path == "html/ladder.html"
    wished = parse_qs(address.fragment)
    switches = [switch["id"] for switch in data(answered / "html", "ladder")["switches"]]
    setting = tuple(wished[switch][0] for switch in switches)
    assert setting == ("or-gate", "box", "abc · 2026-01-02", "2")
    assert setting in views(answered / "html", "ladder")
    assert "torch-cpu from" in text_of(answered / "html" / "index.html")


def test_the_document_names_the_page_as_a_file(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not app(["overhead", "--json", "--html", "html"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert document["page"] == "html/ladder.html"
    assert (answered / "html" / "ladder.html").is_file()


def test_a_document_alone_costs_no_page(answered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody asked for one: there is no folder, and not a word on standard error about it."""
    assert not app(["overhead", "--json"], standalone_mode=False)
    printed = capsys.readouterr()
    assert json.loads(printed.out)["page"] is None
    assert "page" not in printed.err
    assert not (answered / "html").exists()


@pytest.mark.parametrize(
    ("doubted", "why"),
    [
        ("left out", "2 of 3 rungs measured"),
        ("contended", "numba against torch-cpu and numpy is undecided"),
        ("one process", "numba against torch-cpu and numpy is undecided"),
        ("tie", "numba against numpy is undecided"),
    ],
)
def test_no_place_names_a_floor_that_is_not_decided(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    doubted: str,
    why: str,
) -> None:
    """A rung without a time, contention, one process and a tie: text, document, page, README."""
    rows = ladder_rows()
    if doubted == "left out":
        rows = [row for row in rows if row.backend != "numba"]
    elif doubted == "one process":
        rows = [row for row in rows if row.process == 0]
    elif doubted == "tie":
        rows = [
            replace(row, seconds=1e-7 * (1.3 - 0.2 * row.process))
            if row.backend == "numpy" and row.phase is None
            else row
            for row in rows
        ]
    else:
        rows = [replace(row, waited=0.9 if row.backend == "numba" else 0.0) for row in rows]
    monkeypatch.chdir(tmp_path)
    result = judge_ladder(read_run(keep(Path("results"), LADDER, rows)))
    monkeypatch.setattr(study, "overhead", lambda *_: result)
    assert not app(["overhead", "--html", "html"], standalone_mode=False)
    (shown,) = views(tmp_path / "html", "ladder").values()
    said = {
        "text": capsys.readouterr().out,
        "page": json.dumps(shown, ensure_ascii=False),
        "overview": ladder_words(result).replace("no floor", "No floor"),
    }
    for place, words in said.items():
        assert f"No floor: {why}" in words, place
        assert "the floor," not in words, place
        assert ", the floor" not in words, place
        if place != "overview":
            assert ("disturbed" in words) == (doubted == "contended"), place
    assert not app(["overhead", "--json"], standalone_mode=False)
    rungs = json.loads(capsys.readouterr().out)["rungs"]
    assert len(rungs) == 3
    assert {rung["ratio_to_floor"] for rung in rungs} == {None}
    assert {rung["ratio_low"] for rung in rungs} == {None}


def test_overhead_prints_the_documents_of_the_contract(perceptron: Perceptron) -> None:
    """Rungs with everything that the contract names, and phases of the eager one."""
    process = perceptron(
        *("overhead", "--quick", "--backends", "torch-cpu", "python", "torch-cuda"),
        *("--threads", "1", "--json", *AMPLE),
    )
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    assert document["problem"] == "or-gate"
    rungs = {rung["backend"]: rung for rung in document["rungs"]}
    wanted = {"backend", "seconds_per_iteration", "low", "high", "ratio_to_floor", "removes"}
    assert wanted | {"kernels_per_iteration", "reason"} <= set(rungs["python"])
    assert rungs["python"]["ratio_to_floor"] == 1
    assert rungs["torch-cpu"]["ratio_to_floor"] > 20
    assert rungs["torch-cpu"]["kernels_per_iteration"] >= 10
    if rungs["torch-cuda"]["seconds_per_iteration"] is None:
        assert rungs["torch-cuda"]["reason"]
    phases = [phase for phase in document["phases"] if phase["backend"] == "torch-cpu"]
    assert {phase["phase"] for phase in phases} >= {"forward", "loss", "backward"}
    (whole,) = [entry for entry in document["phases_of_whole"] if entry["backend"] == "torch-cpu"]
    assert whole["phases_seconds"] == pytest.approx(
        sum(phase["seconds_per_iteration"] for phase in phases)
    )
    # The same unit: a mistake would be a factor of 1,000, and a neighbour's load is one of ten.
    assert 1 / 100 < whole["phases_seconds"] / whole["seconds_per_iteration"] < 100


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [
        ((), "next:  perceptron advise --problem or-gate"),
        (("--problem", "mlp-width:64"), "next:  perceptron advise --problem mlp-width:64"),
        (
            ("--problem", "mlp-width:64", "--quick"),
            "next:  perceptron overhead --problem mlp-width:64",
        ),
    ],
)
def test_what_is_proposed_is_about_the_same_problem(
    answered: Path, capsys: pytest.CaptureFixture[str], typed: tuple[str, ...], proposed: str
) -> None:
    assert not app(["overhead", *typed], standalone_mode=False)
    assert capsys.readouterr().out.splitlines()[-1] == proposed
