"""`perceptron overhead`: its document, and what it leaves on the pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from perceptron.cli import app
from perceptron.records.readers.stored_runs import read_run
from perceptron.studies import carry_out
from perceptron.studies.answering import answer_run
from tests.commands.conftest import AMPLE
from tests.conftest import Perceptron
from tests.made import BENCH, LADDER, bench_rows, keep, ladder_rows
from tests.report.reading import data, text_of, views


@pytest.fixture
def answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the study keep made-up rows instead of measuring; the folder that it runs in."""
    monkeypatch.chdir(tmp_path)
    keep(Path("results"), BENCH, bench_rows())

    def carried_out(*_: Any) -> Any:
        folder = keep(Path("results"), LADDER, ladder_rows(), started="2026-01-02T00:00:00Z")
        return answer_run(read_run(folder))

    monkeypatch.setattr(carry_out, "carry_out", carried_out)
    return tmp_path


def test_the_page_that_is_named_shows_the_ladder(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Among everything else that is in results/."""
    assert not app(["overhead"], standalone_mode=False)
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("page:"))
    address = urlsplit(line.removeprefix("page:").strip())
    assert address.path == "html/overhead.html"
    wished = parse_qs(address.fragment)
    switches = [switch["id"] for switch in data(answered / "html", "overhead")["switches"]]
    setting = tuple(wished[switch][0] for switch in switches)
    assert setting == ("or-gate", "box", "abc · 2026-01-02", "2")
    assert setting in views(answered / "html", "overhead")
    assert "torch-cpu overtakes numpy" in text_of(answered / "html" / "index.html")


@pytest.mark.slow
def test_overhead_prints_the_documents_of_the_contract(perceptron: Perceptron) -> None:
    """Rungs with everything that the contract names, and phases of the eager one."""
    process = perceptron(
        *("overhead", "--quick", "--backends", "torch-cpu", "numpy", "torch-cuda"),
        *("--threads", "1", "--json", *AMPLE),
    )
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    assert document["problem"] == "or-gate"
    rungs = {rung["backend"]: rung for rung in document["rungs"]}
    wanted = {"backend", "seconds_per_iteration", "low", "high", "ratio_to_floor", "removes"}
    assert wanted | {"kernels_per_iteration", "reason"} <= set(rungs["numpy"])
    ratios = [rungs[name]["ratio_to_floor"] for name in ("numpy", "torch-cpu")]
    if ratios != [None, None]:  # of a busy machine none may be decided to be the floor
        assert ratios[0] == 1 < ratios[1]
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
