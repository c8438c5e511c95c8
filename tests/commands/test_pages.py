"""What the command of a study leaves on the pages, and proposes, around made-up rows."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from perceptron.cli import app
from perceptron.questions import run_study
from perceptron.questions.answering import answer_run
from perceptron.records.readers.stored_runs import read_run
from tests.conftest import ROOT
from tests.made import BENCH, LADDER, MAP, bench_rows, keep, ladder_rows, line, map_rows
from tests.report.reading import data, text_of, views

SECOND = "2026-01-02T00:00:00Z"
MODEL = str(ROOT / "docs" / "examples" / "points-width.toml")


@pytest.fixture
def html(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let studies keep made-up rows instead of measuring; the folder of the pages."""
    monkeypatch.chdir(tmp_path)

    def carried_out(study: Any, plan: Any, *_: Any) -> Any:
        if study.name == "bench":
            folder = keep(Path("results"), BENCH | {"families": plan.families}, bench_rows())
        elif study.name == "map":
            rows = [replace(row, repeat=row.repeat + 10 * plan.quick) for row in map_rows()]
            started = "2026-01-03T00:00:00Z" if plan.quick else SECOND
            folder = keep(Path("results"), MAP | {"quick": plan.quick}, rows, started=started)
        elif study.name == "overhead":
            folder = keep(Path("results"), LADDER, ladder_rows(), started=SECOND)
        else:
            kept = {"study": "crossover", "iterations": plan.iterations}
            folder = keep(Path("results"), kept, line(prepare=0.5), started=SECOND)
        return answer_run(read_run(folder))

    monkeypatch.setattr(run_study, "run_study", carried_out)
    return tmp_path / "html"


def run(*arguments: str) -> None:
    # 3: of most families of the main job there is no row.
    assert app(list(arguments), standalone_mode=False) in (0, None, 3)


def named(out: str) -> tuple[str, dict[str, str]]:
    """Return the page that the command names, and what its fragment wishes."""
    text = next(text for text in out.splitlines() if text.startswith("page:"))
    (typed,) = shlex.split(text.removeprefix("page:"))
    address = urlsplit(typed)
    return address.path, {name: value[0] for name, value in parse_qs(address.fragment).items()}


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("crossover", ("abc · 2026-01-02", "float32", "2", "sgd", "time per iteration")),
        ("map", ("mlp-map", "box", "abc · 2026-01-02", "float32", "2")),
        ("overhead", ("or-gate", "box", "abc · 2026-01-02", "2")),
    ],
)
def test_pages_named_page_shows_the_answer(
    html: Path, capsys: pytest.CaptureFixture[str], command: str, shown: tuple[str, ...]
) -> None:
    """Its fragment is the setting of the switches; the overview has what else was measured."""
    run("bench", "--html", "")
    capsys.readouterr()
    run(command)
    path, wished = named(capsys.readouterr().out)
    assert path == str((html / f"{command}.html").absolute())
    switches = [switch["id"] for switch in data(html, command)["switches"]]
    assert [*wished] == switches[: len(wished)]
    first = next(iter(views(html, command)))
    assert first[: len(wished)] == tuple(wished.values())
    assert first[-len(shown) :] == shown
    overview = text_of(html / "index.html")
    assert "torch-cpu overtakes numpy" in overview
    assert ("map of mlp-map" in overview) == (command == "map")


def test_pages_quick_run_is_shown_at_its_link(
    html: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole map of the same code would otherwise stand before it."""
    run("map")
    capsys.readouterr()
    run("map", "--quick")
    _, wished = named(capsys.readouterr().out)
    assert wished["run"] == "abc · 2026-01-03"
    days = {setting[2] for setting in views(html, "map")}
    assert days == {"abc · 2026-01-02", "abc · 2026-01-03"}


def test_pages_show_requested_iterations(html: Path) -> None:
    run("crossover", "--iterations", "100")
    shown = {setting[-1]: view for setting, view in views(html, "crossover").items()}
    titles = [t["title"] for t in shown["cold start, 100 iterations"]["tables"]]
    assert any("has made up for its setup" in title for title in titles)


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
            ("map", "--family", "batch-width", "--quick", "--budget", "9", "--threads", "1"),
            "next:  perceptron map --family batch-width --threads 1 --html ''",
        ),
    ],
)
def test_pages_next_command_continues_the_question(
    html: Path, capsys: pytest.CaptureFixture[str], typed: tuple[str, ...], proposed: str | None
) -> None:
    """The same in full after a quick run; and nothing, rather than another question."""
    run(*typed, "--html", "")
    lines = capsys.readouterr().out.splitlines()
    assert next((line for line in lines if line.startswith("next:")), None) == proposed
