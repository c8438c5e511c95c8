"""`perceptron crossover` as a process: its document, its words, its files."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.conftest import CROSSOVER_KEYS
from tests.conftest import Perceptron

TABLE = """case,size,backend,seconds
svd,1,numpy,1
svd,100,numpy,100
svd,1,jax-gpu,30
svd,100,jax-gpu,31
"""


def test_a_strangers_table_is_judged_in_the_form_of_the_contract(
    perceptron: Perceptron, tmp_path: Path
) -> None:
    """One document on standard output, nothing else; the page is where it says."""
    (tmp_path / "times.csv").write_text(TABLE)
    process = perceptron("crossover", "--from", "times.csv", "--json")
    assert (process.returncode, process.stderr) == (0, "")
    document = json.loads(process.stdout)
    assert set(document) == {
        "crossovers",
        "from_cold",
        "what_if",
        "what_if_checks",
        "amortisation",
        "warnings",
        "page",
        "results",
    }
    (crossover,) = document["crossovers"]
    assert set(crossover) == CROSSOVER_KEYS
    assert (crossover["incumbent"], crossover["challenger"]) == ("numpy", "jax-gpu")
    assert (crossover["status"], crossover["bracket"]) == ("crosses", [1, 100])
    assert crossover["crossings"] == [{"size": crossover["size"], "direction": "challenger"}]
    assert 1 < crossover["size"] < 100
    assert (crossover["low"], crossover["high"]) == (None, None)
    assert document["results"] is None
    assert "svd" in (tmp_path / document["page"]).read_text(encoding="utf-8")


def test_a_strangers_table_is_judged_in_words(perceptron: Perceptron, tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text(TABLE)
    process = perceptron("crossover", "--from", "times.csv", "--pair", "jax-gpu:numpy")
    assert process.returncode == 0
    assert "jax-gpu → numpy" in process.stdout
    assert "jax-gpu from" in process.stdout or "numpy first" in process.stdout
    assert "page:  html/crossover.html" in process.stdout
    wrong = perceptron("crossover", "--from", "times.csv", "--pair", "numpy:torch")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: unknown backend in --pair 'torch'")


def test_wrong_usage_leaves_nothing_behind(here: Perceptron, tmp_path: Path) -> None:
    assert here("crossover", "--by", "backend").returncode == 2
    assert list(tmp_path.iterdir()) == []
