"""`perceptron truth` as a process: its document, its words, its files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perceptron.validation.network import namespaces
from tests.conftest import Perceptron


def test_truth_tells_how_often_it_is_right(perceptron: Perceptron, tmp_path: Path) -> None:
    """The same worlds for the same seed; date, version and machine beside the shares."""
    process = perceptron("truth", "--worlds", "5", "--json", "--save", "truth.md")
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    assert set(document) == {"when", "machine", "version", "seconds", "locator", "map"}
    locator = document["locator"]
    assert (locator["worlds"], locator["seed"]) == (5, 1)
    assert [row["worlds"] for row in locator["rows"]] == ["all", "clear", "others"]
    every, clear, others = (row["right"] for row in locator["rows"])
    assert every["trials"] == clear["trials"] + others["trials"] == 5
    for row in locator["rows"]:
        for share in (row["right"], row["sure"], row["covered"]):
            assert set(share) == {"hits", "trials", "value", "low", "high"}
            if share["trials"]:
                assert 0 <= share["low"] <= share["value"] <= share["high"] <= 1
    assert document["map"]["worlds"] == 1
    assert "--worlds 5 --seed 1" in (tmp_path / "truth.md").read_text(encoding="utf-8")
    assert process.stderr.splitlines()[-1] == "wrote truth.md"


def test_a_file_that_cannot_be_written_is_told_first(perceptron: Perceptron) -> None:
    process = perceptron("truth", "--worlds", "1", "--save", "/proc/no/truth.md")
    assert process.returncode == 2
    assert process.stderr.splitlines()[-1].startswith("error: /proc/no/truth.md: cannot be written")
    assert process.stdout == ""


def test_estimates_stand_beside_published_times(perceptron: Perceptron, tmp_path: Path) -> None:
    """Nothing is measured, so that the page is the same everywhere."""
    process = perceptron("truth", "--what-if", "--json", "--save", "what-if.md")
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    assert set(document) == {"rows", "inside", "median_width", "not_compared"}
    assert sum(row["inside"] for row in document["rows"]) == document["inside"]
    assert process.stderr.splitlines() == ["wrote what-if.md"]
    text = (tmp_path / "what-if.md").read_text(encoding="utf-8")
    shown = perceptron("truth", "--what-if").stdout
    assert shown.splitlines()[-1] in text


def test_one_thing_at_a_time_is_asked(here: Perceptron) -> None:
    process = here("truth", "--network", "--seed", "1")
    assert "give --seed, which is about simulated worlds, or --network" in process.stderr


def test_without_namespaces_it_says_why_before_anything_runs(
    here: Perceptron, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespaces, "unavailable", lambda: "made by root alone: run it as root")
    process = here("truth", "--network", "--save", "network.md")
    assert process.returncode == 2
    assert process.stderr.splitlines()[-1] == (
        "error: --network: made by root alone: run it as root"
    )
