"""`perceptron crossover --from`: its document, its words, and what it leaves on the pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.cli import app
from tests.conftest import Perceptron
from tests.report.reading import text_of, views

TIMES = (
    "case,size,backend,seconds\nsvd,1,numpy,1\nsvd,1,gpu,30\nsvd,100,numpy,900\nsvd,100,gpu,31\n"
)


def run(*arguments: str) -> None:
    assert not app(["crossover", *arguments], standalone_mode=False)


def test_files_of_others_are_shown_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their figures are on the page of crossovers; a table's times may be of anything."""
    monkeypatch.chdir(tmp_path)
    Path("times.csv").write_text(TIMES)
    run("--from", "times.csv")
    assert "html/crossover.html#family=svd&" in capsys.readouterr().out
    shown = views(tmp_path / "html", "crossover")
    assert {setting[0] for setting in shown} == {"svd"}
    assert {setting[-1] for setting in shown} == {"time", "ratio of gpu to numpy"}
    assert all(view["figures"] for view in shown.values())
    assert "From which size up does one backend beat another?" in text_of(
        tmp_path / "html" / "crossover.html"
    )
    run("--from", "times.csv", "--pair", "gpu:numpy", "--json", "--html", "html")
    assert json.loads(capsys.readouterr().out)["page"] == "html/crossover.html"


TABLE = """case,size,backend,seconds
svd,1,numpy,1
svd,100,numpy,100
svd,1,jax-gpu,30
svd,100,jax-gpu,31
"""


@pytest.mark.parametrize("html", ["", "times.csv", "/proc/no"])
def test_crossover_unwritable_page_costs_no_answer(
    here: Perceptron, tmp_path: Path, html: str
) -> None:
    """None was wanted, or its folder cannot be written to: the answer and its exit code stay."""
    (tmp_path / "times.csv").write_text(TABLE)
    process = here("crossover", "--from", "times.csv", "--html", html)
    assert process.returncode == 0
    assert "jax-gpu overtakes numpy" in process.stdout
    assert "page:" not in process.stdout
    complaint = f"no page will be written: {html}: cannot write the page: "
    assert process.stderr.startswith(complaint) if html else process.stderr == ""
    assert all(line.startswith("  ") for line in process.stderr.splitlines()[1:])
    assert [file.name for file in tmp_path.iterdir()] == ["times.csv"]


def test_crossover_from_files_lists_sources_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words and in the document: rows read, those left out and why, and what cannot be read."""
    monkeypatch.chdir(tmp_path)
    folder = Path("tables")
    folder.mkdir()
    (folder / "good.csv").write_text(f"{TIMES}svd,100,tpu,\nqr,1,numpy,2\n")
    (folder / "cut.json").write_text('{"benchmarks": [')
    run("--from", "tables", "--family", "svd", "--html", "")
    shown = capsys.readouterr()
    text = " ".join(shown.out.split())
    read = "rows: tables (csv, 1 file): 5 rows read; left out: 1 of a family that was not asked for"
    assert read in text
    assert "warning: tables/cut.json: not JSON, or cut short" in shown.err
    assert "UserWarning" not in shown.err
    assert not any(line.startswith(("page:", "next:")) for line in shown.out.splitlines())
    run("--from", "tables", "--family", "svd", "--json")
    document = json.loads(capsys.readouterr().out)
    (source,) = document["sources"]
    assert (source["rows"], sum(source["left_out"].values())) == (5, 1)
    assert [warning["code"] for warning in document["warnings"]] == ["file-not-read"]
    crossover = next(item for item in document["crossovers"] if item["challenger"] == "gpu")
    assert crossover["files"] == ["tables/good.csv"]
    ratios = [(at["size"], at["ratio"]) for at in crossover["ratio_at"]]
    assert ratios == [(1, pytest.approx(30)), (100, pytest.approx(31 / 900))]
    assert document["page"] is None
