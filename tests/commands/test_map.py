"""What `perceptron map` leaves on the pages, around a study that has answered already."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from perceptron.cli import app
from perceptron.records.readers.stored_runs import read_run
from perceptron.studies import carry_out
from perceptron.studies.answering import answer_run
from tests.conftest import ROOT
from tests.made import BENCH, MAP, bench_rows, keep, map_rows
from tests.report.reading import data, text_of, views

MODEL = str(ROOT / "docs" / "examples" / "points-width.toml")


@pytest.fixture
def answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let both studies keep made-up rows instead of measuring; the folder that they run in."""
    monkeypatch.chdir(tmp_path)

    def carried_out(study: Any, plan: Any, *_: Any) -> Any:
        if study.name == "bench":
            kept = BENCH | {"families": plan.families}
            return answer_run(read_run(keep(Path("results"), kept, bench_rows())))
        started = f"2026-01-0{3 if plan.quick else 2}T00:00:00Z"
        kept = MAP | {"quick": plan.quick}
        rows = [replace(row, repeat=row.repeat + 10 * plan.quick) for row in map_rows()]
        return answer_run(read_run(keep(Path("results"), kept, rows, started=started)))

    monkeypatch.setattr(carry_out, "carry_out", carried_out)
    return tmp_path


def run(*arguments: str) -> None:
    assert not app(list(arguments), standalone_mode=False)


def test_bench_and_map_leave_both_results_on_the_pages(answered: Path) -> None:
    run("bench", "--html", "")
    run("map")
    overview = text_of(answered / "html" / "index.html")
    assert "torch-cpu overtakes numpy" in overview
    assert "Which backend wins where" in overview
    assert any(setting[0] == "mlp-map" for setting in views(answered / "html", "map"))
    assert any(setting[0] == "mlp-width" for setting in views(answered / "html", "sweeps"))


def test_the_page_that_is_named_shows_the_map(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its fragment is the setting of every switch."""
    run("map")
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("page:"))
    address = urlsplit(line.removeprefix("page:").strip())
    assert address.path == "html/map.html"
    wished = parse_qs(address.fragment)
    switches = [switch["id"] for switch in data(answered / "html", "map")["switches"]]
    setting = tuple(wished[switch][0] for switch in switches)
    assert setting in views(answered / "html", "map")
    assert setting[:2] == ("mlp-map", "box")


def test_a_quick_look_is_shown_where_it_is_named(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole map of the same code would otherwise stand before it."""
    run("map")
    run("map", "--quick")
    line = capsys.readouterr().out.splitlines()[-2]
    day = parse_qs(urlsplit(line).fragment)["run"][0]
    assert day == "abc · 2026-01-03"
    settings = views(answered / "html", "map")
    assert any(setting[2] == day for setting in settings)
    assert any(setting[2] == "abc · 2026-01-02" for setting in settings)


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [
        (("bench",), "next:  perceptron crossover"),
        (("bench", "--families", "mlp-width"), None),
        (("bench", "--problem", MODEL), None),
        (
            ("bench", "--quick", "--families", "mlp-width", "--backends", "numpy", "torch-cpu"),
            "next:  perceptron bench --families mlp-width --backends numpy torch-cpu --html ''",
        ),
        (("map",), None),
        (
            ("map", "--family", "batch-width", "--quick", "--threads", "1"),
            "next:  perceptron map --family batch-width --threads 1 --html ''",
        ),
    ],
)
def test_what_is_proposed_goes_on_with_what_was_asked(
    answered: Path,
    capsys: pytest.CaptureFixture[str],
    typed: tuple[str, ...],
    proposed: str | None,
) -> None:
    """The same in full after a quick look; and nothing, rather than another question."""
    run(*typed, "--html", "")
    lines = capsys.readouterr().out.splitlines()
    assert next((line for line in lines if line.startswith("next:")), None) == proposed
