"""`perceptron crossover`: its document, its words, and what it leaves on the pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec import to_builtins

from perceptron.analysis.what_if.estimate import CaseStatuses, DeviceEstimate, WhatIf
from perceptron.answer import Answered
from perceptron.cli import app
from perceptron.records.readers.stored_runs import read_run
from perceptron.studies import carry_out
from perceptron.studies.answering import answer_run
from perceptron.studies.crossover import CrossoverPlan
from tests.conftest import Perceptron
from tests.made import keep, line
from tests.report.reading import text_of, views

TIMES = (
    "case,size,backend,seconds\nsvd,1,numpy,1\nsvd,1,gpu,30\nsvd,100,numpy,900\nsvd,100,gpu,31\n"
)
GUESS = WhatIf(
    family="mlp-width",
    incumbent="numpy",
    challenger="torch-cuda",
    device="H100",
    status="crosses",
    statuses=CaseStatuses(best="crosses", likely="crosses", worst="crosses"),
    size=50.0,
    low=40.0,
    high=60.0,
    estimates=[
        DeviceEstimate(
            backend="torch-cuda", device="H100", size=size, seconds=1e-4, low=5e-5, high=2e-4
        )
        for size in (4.0, 256.0)
    ],
    source="the maker's data sheet",
)


@pytest.fixture
def answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the search keep made-up rows instead of measuring; the folder that it runs in."""
    monkeypatch.chdir(tmp_path)

    def carried_out(_: Any, plan: CrossoverPlan, *__: Any) -> Answered:
        kept = {"study": "crossover", "iterations": plan.iterations}
        folder = keep(Path("results"), kept, line(prepare=0.5))
        file = folder / "run.json"
        run = json.loads(file.read_bytes()) | {"what_if": [to_builtins(GUESS)]}
        file.write_text(json.dumps(run))
        return answer_run(read_run(folder))

    monkeypatch.setattr(carry_out, "carry_out", carried_out)
    return tmp_path


def run(*arguments: str) -> None:
    assert not app(["crossover", *arguments], standalone_mode=False)


def named(out: str) -> tuple[str, dict[str, str]]:
    """Return the page that the command names, and what its fragment wishes."""
    text = next(text for text in out.splitlines() if text.startswith("page:"))
    address = urlsplit(text.removeprefix("page:").strip())
    return address.path, {name: value[0] for name, value in parse_qs(address.fragment).items()}


def test_the_page_that_is_named_shows_the_sweep(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    path, wished = named(capsys.readouterr().out)
    assert path == "html/crossover.html"
    first = next(iter(views(answered / "html", "crossover")))
    assert first[: len(wished)] == tuple(wished.values())
    assert first[len(wished) :] == ("mlp-width", "float32", "2", "sgd", "time per iteration")


def test_estimates_and_the_asked_number_of_iterations_are_on_the_page(answered: Path) -> None:
    """They are in no row of results/: an estimate is a line and a table of its own."""
    run("--iterations", "100", "--what-if", "h100")
    shown = {setting[-1]: view for setting, view in views(answered / "html", "crossover").items()}
    times = shown["time per iteration"]
    names = [trace.get("name") for trace in times["figures"][0]["data"]]
    assert "torch-cuda on H100, ESTIMATED" in names
    assert "What if: an estimate, not a measurement" in [t["title"] for t in times["tables"]]
    titles = [t["title"] for t in shown["cold start, 100 iterations"]["tables"]]
    assert any("has made up for its setup" in title for title in titles)


def test_files_of_others_are_shown_by_themselves(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their figures are on the page of sweeps; a table's times may be of anything."""
    Path("times.csv").write_text(TIMES)
    run("--from", "times.csv")
    path, wished = named(capsys.readouterr().out)
    assert path == "html/sweeps.html"
    assert wished["family"] == "svd"
    shown = views(answered / "html", "sweeps")
    assert {setting[0] for setting in shown} == {"svd"}
    assert {setting[-1] for setting in shown} == {"time", "ratio of gpu to numpy"}
    assert all(view["figures"] for view in shown.values())
    assert "At which size does the winner change?" in text_of(answered / "html" / "sweeps.html")
    run("--from", "times.csv", "--pair", "gpu:numpy", "--json", "--html", "html")
    assert json.loads(capsys.readouterr().out)["page"] == "html/sweeps.html"


TABLE = """case,size,backend,seconds
svd,1,numpy,1
svd,100,numpy,100
svd,1,jax-gpu,30
svd,100,jax-gpu,31
"""


@pytest.mark.parametrize("html", ["", "times.csv", "/proc/no"])
def test_no_page_costs_no_answer(here: Perceptron, tmp_path: Path, html: str) -> None:
    """None was wanted, or its folder cannot be written to: the answer and its exit code stay."""
    (tmp_path / "times.csv").write_text(TABLE)
    process = here("crossover", "--from", "times.csv", "--html", html)
    assert process.returncode == 0
    assert "jax-gpu overtakes numpy" in process.stdout
    assert "page:" not in process.stdout
    complaint = f"no page will be written: {html}/index.html: cannot write the page: "
    assert process.stderr.startswith(complaint) if html else process.stderr == ""
    assert process.stderr.count("\n") == bool(html)
    assert [file.name for file in tmp_path.iterdir()] == ["times.csv"]


def test_an_answer_from_files_accounts_for_every_row(
    answered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words and in the document: read, used, left out and why, and what could not be read."""
    folder = Path("tables")
    folder.mkdir()
    (folder / "good.csv").write_text(f"{TIMES}svd,100,tpu,\nqr,1,numpy,2\n")
    (folder / "cut.json").write_text('{"benchmarks": [')
    run("--from", "tables", "--family", "svd", "--html", "")
    shown = capsys.readouterr()
    assert "from:  tables (csv, 1 file): 6 rows read, 4 used; left out: " in shown.out
    said = " ".join(shown.out.split())
    assert "1 of a family that was not asked for" in said
    assert "1 without a time: no time given" in said
    assert "warning: tables/cut.json: not JSON, or cut short" in shown.err
    assert "UserWarning" not in shown.err
    assert not any(line.startswith(("page:", "next:")) for line in shown.out.splitlines())
    run("--from", "tables", "--family", "svd", "--json")
    document = json.loads(capsys.readouterr().out)
    (source,) = document["sources"]
    assert (source["read"], source["used"], source["joined"]) == (6, 4, 0)
    assert sum(left["rows"] for left in source["left_out"]) == 2
    assert [unread["file"] for unread in source["unread"]] == ["tables/cut.json"]
    assert [warning["code"] for warning in document["warnings"]] == ["file-not-read"]
    crossover = next(one for one in document["crossovers"] if one["challenger"] == "gpu")
    assert crossover["files"] == ["tables/good.csv"]
    ratios = [(at["size"], at["ratio"]) for at in crossover["ratio_at"]]
    assert ratios == [(1, pytest.approx(30)), (100, pytest.approx(31 / 900))]
    assert document["page"] is None
