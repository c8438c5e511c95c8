from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Perceptron
from tests.made import everything
from tests.report.reading import text_of


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return everything(tmp_path / "results")


def test_dashboard_json_is_one_document(here: Perceptron, results: Path, tmp_path: Path) -> None:
    """One document on standard output; what was left out is printed on standard error as well."""
    broken = results / "runs" / "box" / "broken"
    broken.mkdir()
    (broken / "run.json").write_text("{")
    result = here("dashboard", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["dashboard"] == "html/index.html"
    assert document["asv"].startswith("no asv.conf.json in ")
    assert document["complaints"] == [
        "results/runs/box/broken/run.json: not what a run writes: Input data was truncated"
    ]
    assert result.stderr == f"left out: {document['complaints'][0]}\n"
    assert "On box:" in text_of(tmp_path / "html" / "index.html")


def test_dashboard_names_its_page(here: Perceptron, results: Path) -> None:
    """And the reason why there is nothing of asv's, in one line each."""
    result = here("dashboard", "--results", str(results), "--html", "elsewhere/pages")
    assert result.returncode == 0, result.stderr
    assert "elsewhere/pages/index.html" in result.stdout
    assert "asv's pages were not written: no asv.conf.json" in result.stdout
    assert result.stderr == ""


def test_serving_ends_with_ctrl_c(results: Path, tmp_path: Path) -> None:
    """The address is printed, the pages are there, and ending is no failure."""
    process = subprocess.Popen(
        [sys.executable, "-m", "perceptron", "dashboard", "--serve", "--port", "0"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        address = process.stderr.readline()
        port = int(address.partition("http://127.0.0.1:")[2].partition("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3000)
        connection.request("GET", "/crossover.html")
        assert "From which size up" in connection.getresponse().read().decode()
        connection.close()
        process.send_signal(signal.SIGINT)
        _, left = process.communicate(timeout=300)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert left == "ended\n"
