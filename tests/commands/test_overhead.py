"""What `perceptron overhead` leaves on the pages, around a study that has answered already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from perceptron.analysis.stored.runs import judged_ladder
from perceptron.cli import app
from perceptron.studies import overhead as study
from tests.made import BENCH, LADDER, bench_rows, keep, ladder_rows
from tests.report.reading import data, text_of, views


@pytest.fixture
def answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the study keep made-up rows instead of measuring; the folder that it runs in."""
    monkeypatch.chdir(tmp_path)
    keep(Path("results"), BENCH, bench_rows())

    def overhead(*_: Any) -> Any:
        folder = keep(Path("results"), LADDER, ladder_rows(), started="2026-01-02T00:00:00Z")
        return judged_ladder(folder)

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
    assert not app(["overhead", "--json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert document["page"] == "html/ladder.html"
    assert (answered / "html" / "ladder.html").is_file()
